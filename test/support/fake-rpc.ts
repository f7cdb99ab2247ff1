/** Stands in for a service that is not under test, with as many of its gRPC functions as a test needs. */
import { implementRpc, serviceNameOf, type RpcDefinition, type RpcFunctions, type Service } from '@clawmesh/chassis'

/** A service that answers the given functions; a test that calls another one fails with its name. */
export const fakeRpc = <D extends RpcDefinition>(definition: D, functions: Partial<RpcFunctions<D>>): Service => {
  const name = serviceNameOf(definition)
  const missing = Object.fromEntries(
    Object.keys(definition).map((method) => [
      method,
      () => {
        throw new Error(`the stand-in of ${name} has no ${method}`)
      },
    ]),
  )
  return { name, rpc: [implementRpc(definition, { ...missing, ...functions })], parts: [] }
}
