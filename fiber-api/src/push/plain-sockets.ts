import { type Server, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { type PlainRequest, readPlainRequest } from "./plain-request.js";

/** An answer to a plain request; header names are lower-case. */
export interface PlainAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly text: string;
}

/** Answers plain requests. */
export interface PlainAnswerer {
  /** Null when the request is not to be answered here; nothing has happened to it then. */
  answer(request: PlainRequest, address: string): Promise<PlainAnswer | null>;
  /** From then on every request goes to node:http, and connections end with their answer. */
  isClosing(): boolean;
}

/**
 * Answers plain requests of a server's connections before node:http parses them. The first bytes of
 * a connection that are not exactly one plain request go to node:http unread, and with them the
 * connection, for good. So there is no second parser of HTTP: only of the one request that it
 * would understand the same way, whole.
 */
export function answerPlainFirst(server: Server, answerer: PlainAnswerer): void {
  const toHttp = server.listeners("connection") as ((socket: Socket) => void)[];
  server.removeAllListeners("connection");
  const sockets = new Map<Socket, { readonly isIdle: () => boolean }>();

  server.on("connection", (socket: Socket) => {
    let idle = true;
    let ended = false;
    sockets.set(socket, { isIdle: () => idle });
    socket.setTimeout(server.keepAliveTimeout);
    socket.on("data", read);
    socket.on("end", end);
    socket.on("timeout", giveUp);
    socket.on("error", ignore);
    socket.on("close", forget);

    function read(bytes: Buffer): void {
      const request = answerer.isClosing() ? null : readPlainRequest(bytes);
      if (request === null) {
        handOver(bytes);
        return;
      }
      idle = false;
      // What comes meanwhile waits in the stream.
      socket.pause();
      void answer(request, bytes);
    }

    async function answer(request: PlainRequest, bytes: Buffer): Promise<void> {
      const answered = await answerer.answer(request, socket.remoteAddress ?? "");
      if (socket.destroyed) return;
      if (answered === null) {
        handOver(bytes);
        return;
      }
      idle = true;
      const isLast = ended || answerer.isClosing();
      socket.write(format(answered, isLast ? null : server.keepAliveTimeout));
      if (isLast) socket.end();
      socket.resume();
    }

    function handOver(bytes: Buffer): void {
      forget();
      if (ended) {
        // As node:http ends a connection whose client wants no more of it.
        socket.end();
        return;
      }
      socket.off("data", read).off("end", end).off("timeout", giveUp);
      socket.off("error", ignore).off("close", forget);
      socket.setTimeout(0);
      socket.pause();
      socket.unshift(bytes);
      for (const listener of toHttp) listener.call(server, socket);
      socket.resume();
    }

    function giveUp(): void {
      if (idle) socket.destroy();
    }

    function end(): void {
      ended = true;
      if (idle) socket.end();
    }

    function forget(): void {
      sockets.delete(socket);
    }
  });

  const { closeIdleConnections, closeAllConnections } = server;
  server.closeIdleConnections = () => {
    for (const [socket, { isIdle }] of sockets) if (isIdle()) socket.destroy();
    closeIdleConnections.call(server);
  };
  server.closeAllConnections = () => {
    for (const socket of sockets.keys()) socket.destroy();
    closeAllConnections.call(server);
  };
}

/** A connection that breaks is closed by Node; "close" follows. */
function ignore(): void {}

/** As node:http would write it. `keepAliveMs` is null for a connection's last answer. */
function format({ status, headers, text }: PlainAnswer, keepAliveMs: number | null): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`;
  for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
  const connection =
    keepAliveMs === null
      ? "Connection: close"
      : `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveMs / 1_000)}`;
  return `${head}content-length: ${Buffer.byteLength(text)}\r\nDate: ${httpDate()}\r\n${connection}\r\n\r\n${text}`;
}

let dateSecond = 0;
let dateText = "";

/** Now, as HTTP writes it; made once a second. */
function httpDate(): string {
  const second = Math.floor(Date.now() / 1_000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(second * 1_000).toUTCString();
  }
  return dateText;
}
