/**
 * One Prisma client for all tenants. Prisma gives its adapter no word of who asks, and a client of its own for each tenant
 * would compile all queries anew, so the tenant goes along with the asynchronous call (docs/adr/0008).
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { tenantBinding, type Binding } from './binding.ts'

type Call = (...args: unknown[]) => Promise<unknown>

/**
 * Prisma gathers these of one tick, whoever makes them, into one statement, which then runs as one of them. Arrays of
 * operations likewise.
 */
const isGathered = (operation: string, args: readonly unknown[]): boolean =>
  operation.startsWith('findUnique') || (operation === '$transaction' && Array.isArray(args[0]))

export interface TenantClients {
  /** The binding of the call at hand. @throws Error when there is none */
  now: () => Binding
  /** A Prisma client all of whose operations run as a tenant. Neither `findUnique` nor arrays of operations are possible. */
  clientOf: <C extends object>(client: C, tenantId: string) => C
}

/** Keeps the tenants of one database's calls. */
export const createTenantClients = (): TenantClients => {
  const scope = new AsyncLocalStorage<Binding>()

  const bound = <T extends object>(target: T, binding: Binding): T =>
    new Proxy(target, {
      get: (at, key) => {
        const value: unknown = Reflect.get(at, key)
        if (typeof value === 'object' && value !== null) return bound(value, binding)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          if (isGathered(String(key), args))
            throw new Error(`${String(key)} of one tenant: use findFirst, or a function`)
          // Prisma starts when it is awaited, which has to happen in here.
          return scope.run(binding, async () => (value as Call).apply(at, args))
        }
      },
    })

  return {
    now: () => {
      const binding = scope.getStore()
      if (binding === undefined) throw new Error('a statement of no tenant')
      return binding
    },
    clientOf: (client, tenantId) => bound(client, tenantBinding(tenantId)),
  }
}
