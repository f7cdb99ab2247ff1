/** WebSocket methods over the internal transport: the edge calls them where they are implemented. */
import { MeshError, wsRoutes, type ServiceName } from '@clawmesh/contracts'
import { type MethodsServiceService } from '@clawmesh/contracts/gen/clawmesh/methods/v1/methods.ts'
import type { RpcFunctions } from '../grpc/types.ts'
import type { CallWsMethod } from './implement.ts'

/** The methods of all services of a process. */
export const createMethodsRpc = (
  methodsOf: (service: ServiceName) => CallWsMethod | undefined,
): RpcFunctions<typeof MethodsServiceService> => {
  const callMethod: RpcFunctions<typeof MethodsServiceService>['callMethod'] = async (call, { method, paramsJson }) => {
    const owner = wsRoutes.get(method)?.service
    const run = owner === undefined ? undefined : methodsOf(owner)
    if (run === undefined) throw new MeshError('INVALID_REQUEST', 'error.unknown_method', { method })
    const result = await run(call, method, JSON.parse(paramsJson))
    return { resultJson: JSON.stringify(result ?? null) }
  }
  return {
    callMethod,
    callLongMethod: async function* (call, request) {
      yield await callMethod(call, request)
    },
  }
}
