import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { FiberError } from "#contracts";
import type { Logger, Running } from "#runtime";
import { DEMO_PATHS, type DemoPath, demoFate } from "./path-model.js";

/** The ports of one demo region on 127.0.0.1. */
export interface DemoPorts {
  readonly region: string;
  readonly tcp: number;
  readonly http: number;
}

/** The greeting that the tcp port of a region sends, and that its check expects. */
export function demoBanner(region: string): string {
  return `fiber demo target ${region}`;
}

/**
 * Starts the target that the demo probes measure: per region a TCP port that greets and an HTTP
 * port that answers, both only after the region's delay. A connection to this machine is accepted
 * by the kernel at once, so the delay is in the first byte that the server sends: tcp checks must
 * expect the banner. A small share of connections is reset or never answered.
 *
 * @throws FiberError PORT_TAKEN when a wanted port is in use
 */
export async function startDemoTarget(options: {
  readonly log: Logger;
  /** Ports by region; 0 or missing: a free one. */
  readonly ports?: readonly Partial<DemoPorts>[];
  readonly paths?: readonly DemoPath[];
  readonly random?: () => number;
}): Promise<Running & { readonly ports: readonly DemoPorts[] }> {
  const { log, paths = DEMO_PATHS, random = Math.random } = options;
  const startedMs = performance.now();
  const servers: PathServer[] = [];
  const stop = async () => {
    await Promise.all(servers.map((server) => server.close()));
  };
  try {
    const ports: DemoPorts[] = [];
    for (const path of paths) {
      const wanted = options.ports?.find(({ region }) => region === path.region);
      const fate = () => demoFate(path, performance.now() - startedMs, random);
      const tcp = createPathServer(fate, greet(path.region));
      const http = createPathServer(fate, answerHttp(path.region));
      servers.push(tcp, http);
      ports.push({
        region: path.region,
        tcp: await tcp.listen(wanted?.tcp ?? 0),
        http: await http.listen(wanted?.http ?? 0),
      });
    }
    log.info({ ports }, "demo target listens");
    return { ports, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface PathServer {
  listen(port: number): Promise<number>;
  close(): Promise<void>;
}

/** Serves each connection as its fate says. */
function createPathServer(
  fate: () => ReturnType<typeof demoFate>,
  serve: (socket: Socket) => void,
): PathServer {
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
    open.add(socket);
    // Checks hang up as soon as they know enough; that is no error here.
    socket.on("error", () => socket.destroy());
    const drawn = fate();
    const timer = drawn.kind === "delay" ? setTimeout(() => serve(socket), drawn.ms) : undefined;
    socket.once("close", () => {
      clearTimeout(timer);
      open.delete(socket);
    });
    if (drawn.kind === "reset") socket.resetAndDestroy();
    // Read on, so that the client's hanging up is seen and the socket goes.
    if (drawn.kind === "silence") socket.resume();
  });
  return {
    listen: (port) => listen(server, port),
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const message = `The demo target cannot listen on 127.0.0.1:${port}: ${cause.message}`;
      const code = cause.code === "EADDRINUSE" ? "PORT_TAKEN" : "DEMO_TARGET_FAILED";
      reject(new FiberError(code, message, { cause }));
    });
    server.listen(port, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

function greet(region: string): (socket: Socket) => void {
  return (socket) => {
    socket.resume();
    socket.end(`${demoBanner(region)}\r\n`);
  };
}

function answerHttp(region: string): (socket: Socket) => void {
  const http = createHttpServer((_request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(`${JSON.stringify({ demo: true, region })}\n`);
  });
  return (socket) => {
    http.emit("connection", socket);
    socket.resume();
  };
}
