import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NODE_STATES } from "#contracts";
import { groupMarkers, placeLabels } from "./group-markers.js";
import { fittingTransform } from "./use-map-zoom.js";

const place = fc.record({ x: fc.nat(800), y: fc.nat(400) });
const probe = fc.record({
  id: fc.uuid(),
  label: fc.string({ maxLength: 12 }),
  state: fc.constantFrom(...NODE_STATES),
  demo: fc.boolean(),
  x: fc.nat(800),
  y: fc.nat(400),
});

describe("groupMarkers", () => {
  it("shows every probe once, and marks apart from each other", () => {
    fc.assert(
      fc.property(fc.array(probe, { maxLength: 40 }), (probes) => {
        const markers = groupMarkers(probes, 16);
        const shown = markers.flatMap((marker) => marker.probes.map((each) => each.id));
        expect(shown.sort()).toEqual(probes.map((each) => each.id).sort());
        for (const [i, a] of markers.entries()) {
          for (const b of markers.slice(i + 1)) {
            expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeGreaterThanOrEqual(16);
          }
        }
      }),
    );
  });

  it("shows a group as its worst", () => {
    const base = { label: "", demo: false, x: 10, y: 10 };
    const [marker] = groupMarkers(
      [
        { ...base, id: "a", state: "HEALTHY" },
        { ...base, id: "b", state: "DOWN" },
        { ...base, id: "c", state: "STALE" },
      ],
      16,
    );
    expect(marker?.state).toBe("DOWN");
  });
});

describe("placeLabels", () => {
  it("moves a label to the left at the right edge, and leaves out what does not fit", () => {
    expect(placeLabels([{ x: 790, y: 50, text: "Nairobi demo" }], 800)).toEqual(["left"]);
    expect(placeLabels([{ x: 40, y: 50, text: "a label far too long" }], 80)).toEqual([null]);
  });
});

describe("fittingTransform", () => {
  it("brings every point into view", () => {
    fc.assert(
      fc.property(fc.array(place, { minLength: 1, maxLength: 30 }), (points) => {
        const fit = fittingTransform(points, 800, 400);
        for (const { x, y } of points) {
          expect(fit.applyX(x)).toBeGreaterThanOrEqual(-1);
          expect(fit.applyX(x)).toBeLessThanOrEqual(801);
          expect(fit.applyY(y)).toBeGreaterThanOrEqual(-1);
          expect(fit.applyY(y)).toBeLessThanOrEqual(401);
        }
      }),
    );
  });
});
