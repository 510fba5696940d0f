import type { FastifyInstance } from "fastify";
import { FiberError } from "#contracts";
import { parseJson, readJsonBody } from "./push/read-json-body.js";

/** Takes JSON bodies and no others, plain or gzipped, through our own bounded reader. */
export function jsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>(
    "application/json",
    { parseAs: "buffer" },
    (request, body, done) => {
      const charset = /charset="?([^";]+)/i.exec(request.headers["content-type"] ?? "")?.[1];
      if (charset !== undefined && !/^utf-?8$/i.test(charset.trim())) {
        return done(new FiberError("UNSUPPORTED_MEDIA_TYPE", "JSON must be sent as UTF-8"));
      }
      const encoding = request.headers["content-encoding"];
      if (encoding === undefined) {
        try {
          done(null, parseJson(body));
        } catch (err) {
          done(err as Error);
        }
        return;
      }
      readJsonBody(body, encoding, request.routeOptions.bodyLimit ?? DEFAULT_LIMIT).then(
        (value) => done(null, value),
        done,
      );
    },
  );
}

const DEFAULT_LIMIT = 1024 * 1024;
