/** The sample app's server: one file without packages, so that its build takes no time. */
export const SAMPLE_SERVER = `import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const app = JSON.parse(readFileSync(new URL("app.json", import.meta.url), "utf8"));
if (app.breakage === "crash") {
  console.error("this version crashes at its start");
  process.exit(1);
}
const url = process.env.FIBER_DATABASE_URL;
const pool = url ? new (await import(app.pg)).default.Pool({ connectionString: url, max: 2 }) : null;
pool?.on("error", () => {});

const server = createServer((request, response) => {
  answer(request).then(
    ([status, body]) => send(response, status, body),
    (err) => send(response, 503, { status: "error", message: err.message }),
  );
});

async function answer(request) {
  if (app.breakage === "answers-500") return [500, { status: "error", version: app.version }];
  switch (request.method + " " + request.url) {
    case "GET /health":
      return [200, { status: "ok", version: app.version, release: process.env.FIBER_RELEASE, pid: process.pid }];
    case "GET /things":
      return [200, (await pool.query("SELECT name FROM things ORDER BY name")).rows.map((row) => row.name)];
    case "POST /things": {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      await pool.query("INSERT INTO things (name) VALUES ($1)", [Buffer.concat(chunks).toString()]);
      return [202, { status: "accepted" }];
    }
    default:
      return [404, { status: "error", message: "no such route" }];
  }
}

function send(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

function listen() {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(Number(process.env.PORT), "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function listenWhenTold() {
  const told = once(process, "message");
  process.send({ type: "warm" });
  await told;
  for (const deadline = Date.now() + 20_000; ; ) {
    try {
      return await listen();
    } catch (err) {
      if (err.code !== "EADDRINUSE" || Date.now() > deadline) throw err;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

process.on("SIGTERM", () => {
  server.close(() => process.exit(0));
  setTimeout(() => process.exit(0), 5_000).unref();
});
process.on("disconnect", () => process.exit(0));
if (app.breakage === "hangs") await new Promise(() => setInterval(() => {}, 1_000));
try {
  const deferred = process.env.FIBER_DEFERRED_LISTEN === "1" && app.breakage !== "old";
  await (deferred ? listenWhenTold() : listen());
} catch (err) {
  const code = err.code === "EADDRINUSE" ? "PORT_TAKEN" : "ROLE_FAILED";
  process.send?.({ type: "failed", code, message: err.message }, () => process.exit(3));
  await new Promise(() => {});
}
process.send?.({ type: "ready", detail: { port: server.address().port } });
if (app.breakage === "dies") setTimeout(() => process.exit(9), app.dies_after_ms);
`;

/** Turns the checked-out tree into what runs. */
export const SAMPLE_BUILD = `import { copyFileSync, mkdirSync, readFileSync } from "node:fs";

const app = JSON.parse(readFileSync("app.json", "utf8"));
console.log("building " + app.version);
if (app.breakage === "build-fails") {
  console.error("this version does not build");
  process.exit(2);
}
mkdirSync("dist");
for (const file of ["server.mjs", "app.json"]) copyFileSync(file, "dist/" + file);
`;

/** Fails when this version cannot work with the schema of the database in FIBER_DATABASE_URL. */
export const SAMPLE_SMOKE = `import { readFileSync } from "node:fs";

const app = JSON.parse(readFileSync("app.json", "utf8"));
const client = new (await import(app.pg)).default.Client({ connectionString: process.env.FIBER_DATABASE_URL });
await client.connect();
await client.query(app.smoke_sql);
await client.end();
`;

/** Its image. The link to git's own folder differs from checkout to checkout, and stays outside. */
export const SAMPLE_DOCKERFILE = `FROM node:24-bookworm-slim
WORKDIR /app
COPY . .
RUN node build.mjs
CMD ["node", "dist/server.mjs"]
`;

/**
 * Its compose file: one service on the host's network, whose health is that it answers at all.
 *
 * @param packages the folder with the database's driver, mounted where the tree expects it
 */
export function sampleComposeFile(port: number, packages: string): string {
  const ask = `fetch('http://127.0.0.1:${port}/health').then(() => process.exit(0), () => process.exit(1))`;
  return `services:
  web:
    image: \${FIBER_IMAGE:-fiber-sample:1.0.0}
    network_mode: host
    environment: { PORT: "${port}", FIBER_RELEASE: "\${FIBER_RELEASE:-none}", FIBER_DATABASE_URL: "\${FIBER_DATABASE_URL:-}" }
    volumes: ["${packages}:${packages}:ro"]
    restart: unless-stopped
    stop_grace_period: 5s
    healthcheck:
      test: [CMD, node, -e, "${ask}"]
      interval: 1s
      timeout: 2s
      retries: 60
`;
}
