// A role that serves its name (argument 1) on a port (argument 2), as our servers do.
import { createServer } from "node:http";
import { listenWhenTold } from "./deferred-listen.js";
import { awaitLeaving, letPortGo } from "./let-port-go.js";
import { tellSupervisor } from "./run-role.js";

const [name = "", port = "0"] = process.argv.slice(2);
let leaving = false;
const server = createServer((_request, response) => {
  if (leaving) response.setHeader("connection", "close");
  response.end(name);
});
process.on("SIGTERM", () => {
  leaving = true;
  letPortGo(server);
  void awaitLeaving(server).then(() => process.exit(0));
});
try {
  await listenWhenTold(
    () =>
      new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(Number(port), "127.0.0.1", () => resolve());
      }),
    async () => undefined,
  );
  tellSupervisor({ type: "ready", detail: { port: Number(port) } });
} catch (err) {
  const { code = "", message } = err as NodeJS.ErrnoException;
  tellSupervisor({ type: "failed", code, message });
  process.disconnect();
}
