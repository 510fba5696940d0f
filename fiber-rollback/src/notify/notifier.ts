import { z } from "zod";
import type { Notice } from "./message.js";

/** The ways in which people are told. */
export const notifyWaySchema = z.enum(["slack", "webhook", "smtp"]);

/** See {@link notifyWaySchema}. */
type NotifyWay = z.output<typeof notifyWaySchema>;

/** One way of telling people. */
export interface Notifier {
  readonly way: NotifyWay;
  /** Where it goes, without secrets: "#fiberstack-ops". */
  readonly where: string;
  /** @throws what went wrong, in words without secrets */
  send(notice: Notice, signal: AbortSignal): Promise<void>;
}

/** A way that fiber.yaml names and that cannot be used, and why. */
export interface UnusableWay {
  readonly way: NotifyWay;
  readonly where: string;
  readonly why: string;
}
