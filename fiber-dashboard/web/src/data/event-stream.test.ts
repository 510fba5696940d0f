import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEventStreamParser } from "./event-stream.js";

const STREAM = ': beat\n\nevent: hello\ndata: {"a":1}\n\nevent: nodes\ndata: [\ndata: 2]\n\n';
const EVENTS = [
  { event: "hello", data: '{"a":1}' },
  { event: "nodes", data: "[\n2]" },
];

describe("createEventStreamParser", () => {
  it("reads events and passes over heartbeats", () => {
    expect(createEventStreamParser()(STREAM)).toEqual(EVENTS);
  });

  it("does not care how the text is cut or how lines end", () => {
    const cuts = fc.array(fc.nat(STREAM.length * 2));
    fc.assert(
      fc.property(cuts, fc.constantFrom("\n", "\r\n", "\r"), (places, end) => {
        const text = STREAM.replaceAll("\n", end);
        const edges = [0, ...places.filter((p) => p < text.length).sort((a, b) => a - b)];
        const parse = createEventStreamParser();
        const pieces = edges.map((from, i) => text.slice(from, edges[i + 1] ?? text.length));
        // A closing line tells a final CR from half a CRLF.
        const events = [...pieces, ": end\n"].flatMap((piece) => parse(piece));
        expect(events).toEqual(EVENTS);
      }),
    );
  });

  it("keeps an unfinished event to itself", () => {
    const parse = createEventStreamParser();
    expect(parse("event: hello\ndata: 1\n")).toEqual([]);
    expect(parse("\n")).toEqual([{ event: "hello", data: "1" }]);
  });

  it("names an event without a name as the standard does", () => {
    expect(createEventStreamParser()("data:x\n\n")).toEqual([{ event: "message", data: "x" }]);
  });
});
