/** Keeps the keys of OIDC issuers: who fetches them, when, and what holds while an issuer is away. */
import { MeshError } from '@clawmesh/contracts'
import type { Logger } from '@clawmesh/chassis'
import { IssuerFault, type FetchKeys } from './fetch-keys.ts'
import type { OidcIssuer, PublicKey } from './types.ts'

/** The issuers of all tenants, for the care of their keys. */
export interface IssuerKeyRows {
  find: (id: string) => Promise<OidcIssuer | undefined>
  /** Claims the next fetch of an issuer's keys until a time; false when it is somebody else's or too early. */
  claimKeys: (id: string, now: Date, until: Date) => Promise<boolean>
  /** Stores fetched keys, unless their address was changed meanwhile. Caches evict the issuer when the keys differ. */
  keysFetched: (fetched: OidcIssuer, keys: readonly PublicKey[], nextAt: Date) => Promise<void>
  /** Notes why keys could not be fetched; those there are go on being used. */
  keysFailed: (fetched: OidcIssuer, error: string, nextAt: Date) => Promise<void>
}

interface KeyTimes {
  /** Age at which keys are fetched again. */
  maxAgeMs: number
  /** Least time between two fetches. */
  pauseMs: number
  /** How long one fetch may take; after it a claim on it is void. */
  claimMs: number
}

export interface IssuerKeys {
  /**
   * The issuer with keys. Keys that are old go on being used while new ones are fetched; only an issuer without any key
   * is waited for, and one whose keys lack that of a token.
   * @throws UNAVAILABLE while there is no key
   */
  supply: (issuer: OidcIssuer, lacksKey: boolean) => Promise<OidcIssuer>
  /** Fetches in the background what will be needed soon. */
  prepare: (issuer: OidcIssuer) => void
  /** Breaks off what is being fetched. */
  stop: () => Promise<void>
}

const maxBackOffMs = 300_000

/** Twice the pause after the first failure, twice that after the second, and so on. */
const backOffMs = (failures: number, pauseMs: number): number =>
  Math.min(pauseMs * 2 ** Math.min(failures, 20), Math.max(maxBackOffMs, pauseMs))

const reasonOf = (thrown: unknown): string =>
  thrown instanceof IssuerFault || thrown instanceof MeshError ? thrown.message : 'the keys could not be read'

const unavailable = () => new MeshError('UNAVAILABLE', 'error.unavailable', { what: 'keys of the OIDC issuer' })

export const createIssuerKeys = (
  rows: IssuerKeyRows,
  fetchKeys: FetchKeys,
  { maxAgeMs, pauseMs, claimMs }: KeyTimes,
  log: Logger,
): IssuerKeys => {
  const leaving = new AbortController()
  /** One fetch an issuer in this process; between processes the claim in the row sees to it. */
  const fetching = new Map<string, Promise<void>>()

  const fetchOnce = async (issuer: OidcIssuer): Promise<void> => {
    const { id } = issuer
    if (!(await rows.claimKeys(id, new Date(), new Date(Date.now() + claimMs)))) return
    try {
      const keys = await fetchKeys(issuer, leaving.signal)
      await rows.keysFetched(issuer, keys, new Date(Date.now() + pauseMs))
    } catch (thrown) {
      const failures = issuer.keysFailures + 1
      const error = reasonOf(thrown)
      log.warn({ issuer: issuer.issuer, id, error, failures }, 'oidc: the keys of an issuer could not be fetched')
      await rows.keysFailed(issuer, error, new Date(Date.now() + backOffMs(failures, pauseMs)))
    }
  }

  const refresh = (issuer: OidcIssuer): Promise<void> => {
    const running = fetching.get(issuer.id)
    if (running !== undefined) return running
    if (issuer.keysNextAt.getTime() > Date.now() || leaving.signal.aborted) return Promise.resolve()
    const started = fetchOnce(issuer).finally(() => fetching.delete(issuer.id))
    fetching.set(issuer.id, started)
    return started
  }

  /** Nobody waits for it, so a failure is logged here. */
  const prepare = (issuer: OidcIssuer): void =>
    void refresh(issuer).catch((err: unknown) => log.warn({ err, id: issuer.id }, 'oidc: keys could not be stored'))

  const isOld = ({ keysFetchedAt }: OidcIssuer): boolean => Date.now() - (keysFetchedAt?.getTime() ?? 0) > maxAgeMs

  return {
    supply: async (issuer, lacksKey) => {
      if (!lacksKey && issuer.keys.length > 0) {
        if (isOld(issuer)) prepare(issuer)
        return issuer
      }
      await refresh(issuer)
      const supplied = await rows.find(issuer.id)
      if (supplied === undefined || supplied.keys.length === 0) throw unavailable()
      return supplied
    },
    prepare,
    stop: async () => {
      leaving.abort()
      await Promise.allSettled(fetching.values())
    },
  }
}
