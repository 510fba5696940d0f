import { z } from "zod";

const service = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, "use lower case, digits and hyphens");
const path = z
  .string()
  .regex(/^[\w.-]+(\/[\w.-]+)*$/, "must be a path within the tree")
  .refine((text) => !text.split("/").includes(".."), "must not leave the tree");

/** `compose` of fiber.yaml: how this product runs on containers. */
export const composeSpecSchema = z.strictObject({
  /** The compose file, within the tree of the release. It is given FIBER_IMAGE and FIBER_RELEASE. */
  file: path.default("docker-compose.yml"),
  /** The image is built from the tree by this file, and is named `image:<tag>`. */
  dockerfile: path.default("Dockerfile"),
  image: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._/-]{0,127}$/, "must be an image's name, without a tag"),
  /** The compose project; containers and volumes belong to it. */
  project: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/),
  /** The services that are the release, as the file names them; all others are left alone. */
  services: z.array(service).min(1),
  /** Those of them that write to the database. */
  writers: z.array(service).default([]),
  /**
   * A shell command that does what `smoke` does, with the image FIBER_IMAGE; null when nobody can
   * tell. The database in FIBER_DATABASE_URL is reached from the host.
   */
  smoke: z.string().min(1).nullable().default(null),
});

/** See {@link composeSpecSchema}. */
export type ComposeSpec = z.output<typeof composeSpecSchema>;
