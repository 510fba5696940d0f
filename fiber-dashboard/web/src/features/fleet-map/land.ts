import { type GeoProjection, geoEqualEarth, geoGraticule10, geoPath } from "d3-geo";
import { feature, mesh } from "topojson-client";

/** The world as SVG paths for a map of a certain size, and the projection that made them. */
export interface DrawnWorld {
  readonly project: GeoProjection;
  readonly land: string;
  readonly borders: string;
  readonly graticule: string;
}

type World = Parameters<typeof feature>[0];
type Shapes = Extract<NonNullable<Parameters<typeof mesh>[1]>, { type: "GeometryCollection" }>;
type Atlas = World & { readonly objects: { readonly countries: Shapes; readonly land: Shapes } };

/** Loads the atlas (108 kB, its own file), once asked for. */
export async function loadAtlas(): Promise<Atlas> {
  const { default: atlas } = await import("world-atlas/countries-110m.json");
  return atlas as unknown as Atlas;
}

/** Draws the world into `width` × `height` px, whole and as large as fits. */
export function drawWorld(atlas: Atlas, width: number, height: number): DrawnWorld {
  const project = geoEqualEarth().fitSize([width, height], { type: "Sphere" });
  const path = geoPath(project).digits(1);
  const { countries } = atlas.objects;
  return {
    project,
    land: path(feature(atlas, atlas.objects.land)) ?? "",
    borders: path(mesh(atlas, countries, (a, b) => a !== b)) ?? "",
    graticule: path(geoGraticule10()) ?? "",
  };
}
