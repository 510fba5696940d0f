/** One server-sent event. */
export interface StreamEvent {
  readonly event: string;
  readonly data: string;
}

/**
 * An incremental parser of text/event-stream (HTML standard, section 9.2.6). Feed it the text as
 * it comes, in any pieces; each call returns the events that were completed by it. Comments
 * (heartbeats) yield nothing; `id` and `retry` are not used.
 */
export function createEventStreamParser(): (text: string) => readonly StreamEvent[] {
  let rest = "";
  let event = "";
  let data: string[] = [];
  const readLine = (line: string): StreamEvent | null => {
    if (line === "") {
      const done = data.length === 0 ? null : { event: event || "message", data: data.join("\n") };
      event = "";
      data = [];
      return done;
    }
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") event = value;
    if (field === "data") data.push(value);
    return null;
  };
  return (text) => {
    // A CR at the end may be half of a CRLF: it waits for what follows.
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    return lines.map(readLine).filter((done) => done !== null);
  };
}
