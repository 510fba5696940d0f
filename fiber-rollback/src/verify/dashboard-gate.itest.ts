import { describe, expect, it } from "vitest";
import { runVerification } from "./run-verification.js";
import { bareContext, serve } from "./verify.itest-kit.js";
import { verifySpecSchema } from "./verify-spec.js";

type Files = Record<string, { readonly type: string; readonly text: string }>;

const html = (text: string) => ({ type: "text/html; charset=utf-8", text });
const script = (text: string) => ({ type: "text/javascript", text });
const status = {
  type: "application/json",
  text: JSON.stringify({
    status: "ok",
    data: {
      release: "v1.0.0",
      migration: null,
      ingest: { lag_s: 0, depth: 0, fenced: false },
      probes: { expected: 1, reporting: 1 },
    },
  }),
};
const whole: Files = {
  "/": html(
    '<!doctype html><link rel="stylesheet" href="/assets/a.css"><script type="module" crossorigin src="/assets/index.js"></script><div id="root"></div>',
  ),
  "/assets/index.js": script(
    'import{a as b}from"./shared.js";const map=()=>import("./map.js");b(map);',
  ),
  "/assets/shared.js": script("const a=(f)=>f;export{a};"),
  "/assets/map.js": script("export default 1;"),
  "/assets/a.css": { type: "text/css", text: "@font-face{src:url(./inter.woff2)}" },
  "/assets/inter.woff2": { type: "font/woff2", text: "font" },
  "/api/status": status,
};

/** The verdict on a dashboard that serves these files, and its page for anything else. */
async function verdictOn(files: Files) {
  const server = await serve((request, response) => {
    const found = files[request.url ?? ""] ?? files["*"];
    if (found === undefined) return response.writeHead(404).end("{}");
    return response.writeHead(200, { "content-type": found.type }).end(found.text);
  });
  try {
    const outcome = await runVerification(
      verifySpecSchema.parse([
        { id: "dashboard", title: "Dashboard", kind: "fiber-dashboard", within_s: 1 },
      ]),
      bareContext({ FIBER_DASHBOARD_URL: server.url }),
    );
    return { verdict: outcome.verdict, value: outcome.gates[0]?.value ?? "" };
  } finally {
    await server.stop();
  }
}

const without = (name: string): Files =>
  Object.fromEntries(Object.entries(whole).filter(([path]) => path !== name));

describe("the dashboard renders", () => {
  it("when its page and everything that it loads are whole", async () => {
    expect(await verdictOn(whole)).toEqual({
      verdict: "passed",
      value: "the page and its 5 files are whole",
    });
  });

  it.each([
    [
      "a module that another imports is gone",
      without("/assets/shared.js"),
      "shared.js answers 404",
    ],
    ["a module loaded later is gone", without("/assets/map.js"), "map.js answers 404"],
    ["a font is gone", without("/assets/inter.woff2"), "inter.woff2 answers 404"],
    [
      "the server answers every address with its page",
      { ...without("/assets/map.js"), "*": html("<p>") },
      "map.js is text/html",
    ],
    [
      "a script is cut off",
      { ...whole, "/assets/shared.js": script("const a=(f)=>{if(f){") },
      "shared.js is not a whole script: SyntaxError",
    ],
    ["the page loads no script", { ...whole, "/": html("<h1>hello</h1>") }, "loads no script"],
    ["the page is an error in HTML's place", { ...whole, "/": status }, "not a page"],
    ["the way to the API is closed", without("/api/status"), "/api/status answers 404"],
    [
      "it shows another release",
      { ...whole, "/api/status": { ...status, text: status.text.replace("v1.0.0", "v0.9.0") } },
      "the dashboard shows release v0.9.0",
    ],
  ])("not when %s", async (_, files, value) => {
    const found = await verdictOn(files);
    expect(found.verdict).toBe("failed");
    expect(found.value).toContain(value);
  });
});
