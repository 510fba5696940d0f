import type { WireThresholds } from "#contracts";
import type { Endpoint } from "./endpoint.js";

interface TargetBase {
  /** What samples call it: its label, else its host as written. Unique with the check. */
  readonly name: string;
  /** Probes a round, at most. */
  readonly count: number;
  /** How long one probe waits for its answer, ms. */
  readonly timeoutMs: number;
  readonly thresholds?: WireThresholds;
}

/** Echo requests to a host. */
export interface IcmpTarget extends TargetBase {
  readonly check: "icmp";
  readonly host: string;
}

/** Time to connect; with a banner, time to the server's first words. */
export interface TcpTarget extends TargetBase {
  readonly check: "tcp";
  readonly endpoint: Endpoint;
  readonly banner?: string;
}

/** Time to the first byte of an HTTP answer. */
export interface HttpTarget extends TargetBase {
  readonly check: "http";
  readonly url: string;
  /** Without it every status below 400 is an answer. */
  readonly status?: number;
  /** Text that the first 256 KiB of the body must contain. */
  readonly body?: string;
  /** Whether an invalid certificate is a failure. */
  readonly verify: boolean;
}

/** Time of one DNS question over UDP. */
export interface DnsTarget extends TargetBase {
  readonly check: "dns";
  readonly question: string;
  readonly recordType: DnsRecordType;
  /** Without it the first name server of the system is asked. */
  readonly server?: Endpoint;
  /** Data that one of the answer's records must hold. */
  readonly record?: string;
}

/** Time of a TLS handshake, with what is known of the certificate. */
export interface TlsTarget extends TargetBase {
  readonly check: "tls";
  readonly endpoint: Endpoint;
  readonly serverName?: string;
  /** Days before expiry from which the certificate counts as expiring. */
  readonly warnDays: number;
  /** Days before expiry from which it counts as critical. */
  readonly criticalDays: number;
}

/** Record types that a dns check may ask for. */
export const DNS_RECORD_TYPES = [
  "A",
  "AAAA",
  "CNAME",
  "MX",
  "NS",
  "PTR",
  "SOA",
  "SRV",
  "TXT",
] as const;

/** One of {@link DNS_RECORD_TYPES}. */
type DnsRecordType = (typeof DNS_RECORD_TYPES)[number];

/** What one check measures. */
export type Target = IcmpTarget | TcpTarget | HttpTarget | DnsTarget | TlsTarget;

/** Targets that are measured one probe at a time, in the worker thread. */
export type WorkerTarget = Exclude<Target, IcmpTarget>;
