/** What the claims of a verified token say about its bearer, as an issuer's settings read them. */
import { oidcRoles, type OidcRole } from '@clawmesh/contracts'

const maxUserIdBytes = 255
const controls = /\p{Cc}/u

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const memberOf = (value: unknown, name: string): unknown =>
  isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined

/** A claim by its name, which may have dots itself (`https://example.org/role`), or by a path (`realm_access.roles`). */
export const claimAt = (payload: object, name: string): unknown => {
  const direct = memberOf(payload, name)
  return direct !== undefined ? direct : name.split('.').reduce<unknown>(memberOf, payload)
}

/** The user that a claim names; undefined unless it is a text that can be a user id. */
export const userIn = (payload: object, claim: string): string | undefined => {
  const value = claimAt(payload, claim)
  const fits =
    typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= maxUserIdBytes && !controls.test(value)
  return fits ? value : undefined
}

/** A text counts whole and, as `scope` does (RFC 8693, section 4.2), by its words; of a list each text counts. */
const textsIn = (value: unknown): string[] => {
  if (typeof value === 'string') return [value, ...value.split(' ')]
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : []
}

interface RoleRules {
  /** Empty when roles are not read from tokens. */
  readonly roleClaim: string
  readonly roleMapping: Readonly<Record<string, string>>
  /** Empty refuses those whose claims give no role. */
  readonly defaultRole: string
}

/** The highest role that the claims give, else the default one; undefined when there is neither. */
export const roleIn = (payload: object, { roleClaim, roleMapping, defaultRole }: RoleRules): OidcRole | undefined => {
  const texts = roleClaim === '' ? [] : textsIn(claimAt(payload, roleClaim))
  const given = texts.flatMap((text) => (Object.hasOwn(roleMapping, text) ? [roleMapping[text]] : []))
  return oidcRoles.findLast((role) => given.includes(role)) ?? oidcRoles.find((role) => role === defaultRole)
}
