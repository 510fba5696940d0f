import { expect, it } from "vitest";
import { readQuantileMs, readRequestCounts } from "./request-counts.js";

const NAME = "fiber_http_request_duration_seconds";
const text = [
  `# TYPE ${NAME} histogram`,
  `${NAME}_bucket{le="0.005",method="GET",route="/api/metrics",status="200"} 90`,
  `${NAME}_bucket{le="0.1",method="GET",route="/api/metrics",status="200"} 99`,
  `${NAME}_bucket{le="+Inf",method="GET",route="/api/metrics",status="200"} 100`,
  `${NAME}_count{method="GET",route="/api/metrics",status="200"} 100`,
  `${NAME}_bucket{le="0.005",method="GET",route="/api/live",status="200"} 0`,
  `${NAME}_bucket{le="+Inf",method="GET",route="/api/live",status="200"} 50`,
  `${NAME}_count{method="GET",route="/api/live",status="200"} 50`,
  `${NAME}_count{method="POST",route="/api/push",status="503"} 7`,
  `${NAME}_count{method="POST",route="/api/push",status="202"} 43`,
  "process_start_time_seconds 1795000000",
].join("\n");

it("counts answers and failures of all routes, and how long reads took", () => {
  const counts = readRequestCounts(text);
  expect(counts).toMatchObject({ total: 200, failed: 7, processStart: "1795000000" });
  expect(readQuantileMs(counts?.readBuckets ?? [], 0.5)).toBe(5);
  expect(readQuantileMs(counts?.readBuckets ?? [], 0.95)).toBe(100);
  expect(readQuantileMs(counts?.readBuckets ?? [], 1)).toBeNull();
});

it("is null for what is no count: nothing is made up", () => {
  expect(readRequestCounts("<html>")).toBeNull();
  expect(readRequestCounts(`# TYPE ${NAME} histogram`)).toBeNull();
  expect(readQuantileMs([], 0.95)).toBeNull();
});
