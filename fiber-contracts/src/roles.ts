/** Roles of users and tokens. `probe` may only push and heartbeat for its own node. */
export const ROLES = ["viewer", "operator", "admin", "probe"] as const;

/** One of {@link ROLES}. */
export type Role = (typeof ROLES)[number];

/** What an action may ask for. */
export type Permission = "read" | "operate" | "administer" | "push";

const GRANTS: Readonly<Record<Role, readonly Permission[]>> = {
  viewer: ["read"],
  operator: ["read", "operate"],
  admin: ["read", "operate", "administer", "push"],
  probe: ["push"],
};

/** Whether a role carries a permission. */
export function roleMay(role: Role, permission: Permission): boolean {
  return GRANTS[role].includes(permission);
}
