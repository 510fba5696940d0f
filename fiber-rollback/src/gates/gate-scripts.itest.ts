import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { packageRoot, runCommand } from "#runtime";
import { createTestRepository, type TestRepository } from "#testkit";

let repository: TestRepository;
beforeEach(() => {
  repository = createTestRepository();
});
afterEach(() => repository.remove());

/** Runs one of scripts/gates on the repository's tree. */
async function gate(name: string): Promise<{ exitCode: number | null; stdout: string }> {
  const script = join(packageRoot, "scripts", "gates", `${name}.mjs`);
  const result = await runCommand([process.execPath, script], { cwd: repository.folder });
  expect(result.stderr).toBe("");
  return result;
}

// Put together here, so that the gate that is tested does not find them in this file.
const SECRETS = {
  "an AWS access key": `AKIA${"IOSFODNN7EXAMPLE"}`,
  "an AWS secret key": `aws_secret_access_key = ${"wJalrXUtnFEMI/K7MDENG/bPxRfiCY"}${"EXAMPLEKEY"}`,
  "a private key": `-----BEGIN ${"OPENSSH"} PRIVATE KEY-----`,
  "an age identity": `AGE-SECRET-KEY-1${"Q".repeat(58)}`,
  "a FiberStack token": `Bearer fbr_${randomBytes(32).toString("base64url")}`,
  "a GitHub token": `ghp_${"a1B2".repeat(9)}`,
  "a Slack webhook": `https://hooks.slack.com/services/T0000000/B0000000/${"x1".repeat(12)}`,
  "a signed web token": `eyJhbGciOiJIUzI1NiIs.eyJzdWIiOiIxMjM0NTY3.${"s".repeat(30)}`,
  "a password in an address": `postgres://app:${"q9Zx7Lm2Vb4Tn8Rw"}@db.example.net/fiberstack`,
  "a secret in a setting": `FIBER_JWT_SECRET=${"9fQ2mXc7Lr4Vt8Zb1Nw5Ky3Ph6Jd0Sg"}`,
};

describe("the gate against secrets", () => {
  it.each(Object.entries(SECRETS))(
    "finds %s, names the place, never prints it",
    async (kind, secret) => {
      repository.commit("Plant", {
        "src/config.ts": `// settings\nconst value = "x"; // ${secret}\n`,
      });
      const { exitCode, stdout } = await gate("secrets");
      expect(exitCode).toBe(1);
      expect(stdout).toContain(`src/config.ts:2: ${kind}`);
      expect(stdout).not.toContain(secret.split(/[ =]/).at(-1));
    },
  );

  it("finds what is not committed yet, but not what git ignores", async () => {
    const key = SECRETS["an AWS access key"];
    repository.commit("Begin", { ".gitignore": "ignored\n", ignored: key });
    expect((await gate("secrets")).exitCode).toBe(0);
    writeFileSync(join(repository.folder, "fresh"), key);
    expect((await gate("secrets")).stdout).toContain("fresh:1:");
  });

  it.each([".env", "deploy/.env.production", "keys/id_ed25519", "x/.pgpass", "cert.p12"])(
    "finds the file %s by its name",
    async (path) => {
      repository.commit("Plant", { [path]: "nothing that looks like one\n" });
      expect((await gate("secrets")).stdout).toContain(`${path}: `);
    },
  );

  it("lets marked fixtures pass, with a reason only, and only the line that is marked", async () => {
    const key = SECRETS["an AWS access key"];
    const mark = "fiber-gates: allow-secret";
    repository.commit("Marked", {
      "same-line.ts": `const key = "${key}"; // ${mark} made up for a test\n`,
      "line-before.pem": `# ${mark} a key for tests\n${SECRETS["a private key"]}\n`,
      "fixture.json": `{"//": "fiber-gates: allow-secrets-in-file recorded from a test",\n"a": "${key}"}\n`,
    });
    expect((await gate("secrets")).exitCode).toBe(0);
    repository.commit("No reason, and another line", {
      "no-reason.ts": `const key = "${key}"; // ${mark}\n`,
      "same-line.ts": `const key = "${key}"; // ${mark} made up for a test\n\nconst b = "${key}";\n`,
    });
    const { stdout } = await gate("secrets");
    expect(stdout.match(/^[\w.-]+:\d+/gm)).toEqual(["no-reason.ts:1", "same-line.ts:3"]);
  });

  it("leaves names, placeholders, checksums and binaries alone", async () => {
    repository.commit("Harmless", {
      ".env.example": "FIBER_PROBE_TOKEN=fbr_…\nFIBER_JWT_SECRET=\n",
      "code.ts":
        "const token = readTokenFromEnvironmentVariable(config);\n" +
        `const url = \`postgres://app:${"$"}{password}@db.example.net\`;\n` +
        "const secret = process.env.SLACK_WEBHOOK_SIGNING_SECRET_2;\n" +
        'const sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";\n',
      "package-lock.json": `{"token": "${SECRETS["an AWS access key"]}"}`,
      "picture.bin": `\0\0${SECRETS["an AWS access key"]}`,
    });
    expect(await gate("secrets")).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("no secret"),
    });
  });
});

describe("the gate for pinned images", () => {
  const digest = `sha256:${"0".repeat(64)}`;

  it("takes versions and digests, stages, scratch and defaults", async () => {
    repository.commit("Pinned", {
      Dockerfile:
        "ARG NODE=20.19.0-bookworm-slim\nFROM --platform=linux/amd64 node:\u0024{NODE} AS build\n" +
        "FROM scratch AS empty\nFROM build\nCOPY --from=build /a /a\nCOPY --from=0 /b /b\n",
      "fiber-deploy/docker-compose.yml":
        "services:\n  db: { image: 'postgres:15-bookworm' }\n" +
        `  queue:\n    image: nats:2.9-alpine@${digest}\n` +
        "  api:\n    build: .\n    image: \u0024{FIBER_IMAGE:-fiberstack-lite:1.0.0}\n",
      ".github/workflows/x.yml": `jobs:\n  a:\n    steps:\n      - uses: actions/checkout@${"a".repeat(40)}\n`,
    });
    const { exitCode, stdout } = await gate("images");
    expect(stdout).toContain("5 images are pinned");
    expect(exitCode).toBe(0);
  });

  it.each([
    ["fiber-deploy/a.yml", "services: { db: { image: postgres } }", "has no tag"],
    [
      "fiber-deploy/a.yml",
      "services:\n  db:\n    image: postgres:latest",
      "can change under its tag",
    ],
    ["fiber-deploy/a.yml", "services:\n  db:\n    image: postgres:bookworm", "can change"],
    ["fiber-deploy/a.yml", "services:\n  db:\n    image: localhost:5000/db", "has no tag"],
    ["fiber-deploy/a.yml", "services:\n  db:\n    image: \u0024{IMAGE}", "without a default"],
    ["fiber-deploy/a.yml", "services: [", "fiber-deploy/a.yml:1"],
    ["compose.yaml", "services:\n  db:\n    image: redis", "compose.yaml:3: redis has no tag"],
    ["fiber-deploy/Dockerfile", "FROM node\n", "Dockerfile:1: node has no tag"],
    [
      "api.Dockerfile",
      "FROM node:20 AS x\nCOPY --from=nginx:latest /a /a\n",
      "Dockerfile:2: nginx:latest",
    ],
    ["Dockerfile", "ARG V\nFROM node:\u0024{V}\n", "without a default"],
    [
      ".github/workflows/x.yml",
      "jobs: { a: { steps: [{ uses: actions/checkout@v4 }] } }",
      "name its commit",
    ],
    [".github/workflows/x.yml", "jobs: { a: { container: 'node:lts' } }", "can change"],
  ])("refuses %s with %j", async (path, text, problem) => {
    repository.commit("Unpinned", { [path]: text });
    const { exitCode, stdout } = await gate("images");
    expect(stdout).toContain(problem);
    expect(exitCode).toBe(1);
  });
});

describe("the gate for links in the docs", () => {
  const other =
    "# Other page\n\n## What it does & why\n\n## Twice\n\n## Twice\n\n<a id='old'></a>\n";

  it("follows relative links, folders, anchors and images", async () => {
    repository.commit("Sound", {
      "docs/other page.md": other,
      "docs/picture.svg": "<svg/>",
      "README.md":
        "# Title `code` here\n[a](docs/other%20page.md) [b](docs/other%20page.md#what-it-does--why)\n" +
        "[c](docs/) [d](#title-code-here) [e](docs/other%20page.md#twice-1 'a title')\n" +
        "![f](docs/picture.svg) [g](https://example.net/nowhere) [h](mailto:a@b) [i][ref]\n" +
        "[j](docs/other%20page.md#old)\n\n[ref]: docs/picture.svg\n" +
        "`[no](link.md)`\n```\n[no](link.md)\n```\n<!-- [no](link.md) -->\n",
    });
    expect(await gate("links")).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^10 links/),
    });
  });

  it.each([
    ["[a](missing.md)", "there is no missing.md"],
    ["[a](docs/Other.md)", "there is no docs/Other.md"],
    ["[a](docs/other.md#nowhere)", "no heading for #nowhere"],
    ["[a](#nowhere)", "README.md has no heading"],
    ["[a](/docs/other.md)", "is absolute"],
    ["![a](docs/none.png)", "there is no docs/none.png"],
    ["[a][ref]\n\n[ref]: none.md", "README.md:4"],
    ['<a href="none.md">x</a>', "there is no none.md"],
    ["[a](../outside.md)", "there is no ../outside.md"],
  ])("refuses %j", async (text, problem) => {
    repository.commit("Broken", { "docs/other.md": other, "README.md": `# Read\n${text}\n` });
    const { exitCode, stdout } = await gate("links");
    expect(stdout).toContain(problem);
    expect(exitCode).toBe(1);
  });
});

it.each(["secrets", "images", "links"])("the gate %s judges this repository well", async (name) => {
  const script = join(packageRoot, "scripts", "gates", `${name}.mjs`);
  expect(await runCommand([process.execPath, script, packageRoot])).toMatchObject({ exitCode: 0 });
});
