/** The stream that carries accepted samples, and its one subject. */
export const SAMPLES = { stream: "fiber-samples", subject: "fiber.samples" } as const;

/** The stream of samples that the database refuses. */
export const DEAD = { stream: "fiber-dead", subject: "fiber.dead" } as const;

/** The durable consumer that all `fiber etl` processes share. */
export const CONSUMER = "fiber-etl";
