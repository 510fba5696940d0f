import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, it } from "vitest";
import { parseListeningInodes, portHolder } from "./port-holder.js";

it("finds who listens, and nobody once they stopped", async () => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const holder = await portHolder(port);
  expect(holder?.pid).toBe(process.pid);
  expect(holder?.command).toContain("node");
  server.close();
  await once(server, "close");
  expect(await portHolder(port)).toBeNull();
});

it("takes listening sockets only, on the port only", () => {
  const table = [
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
    "   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 111 1",
    "   1: 0100007F:1538 0100007F:C001 01 00000000:00000000 00:00000000 00000000   101        0 222 1",
    "   2: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1",
    "",
  ].join("\n");
  expect(parseListeningInodes(table, 5432)).toEqual(["111"]);
  expect(parseListeningInodes(table, 8000)).toEqual(["333"]);
  expect(parseListeningInodes(table, 0x38)).toEqual([]);
});
