/** Which domains an operator lets requests go to. */
import { normaliseHost } from './address-guard.ts'

/** `example.com` names that host alone, `*.example.com` its sub-domains alone. */
export interface DomainPolicy {
  /** When given, only these pass; empty lets nothing pass. */
  allowedDomains?: readonly string[] | undefined
  /** Never pass, whatever else is said. */
  blockedDomains?: readonly string[] | undefined
}

const matches = (host: string, pattern: string): boolean => {
  const domain = normaliseHost(pattern.trim())
  return domain.startsWith('*.') ? host.endsWith(domain.slice(1)) && host.length >= domain.length : host === domain
}

/** Why the policy refuses a host; undefined when it does not. */
export const domainRefusal = (host: string, policy: DomainPolicy = {}): string | undefined => {
  const name = normaliseHost(host)
  if (policy.blockedDomains?.some((pattern) => matches(name, pattern))) return 'domain is blocked'
  if (policy.allowedDomains && !policy.allowedDomains.some((pattern) => matches(name, pattern))) {
    return 'domain is not on the allow list'
  }
  return undefined
}
