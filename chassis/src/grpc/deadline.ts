/** How long a call of another service may take. */
import { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'

export interface RpcTimeouts {
  rpcTimeoutMs: number
  streamTimeoutMs: number
}

/** Unary calls that do a user's work, and bound it themselves: tools, which may wait for people. */
const longCalls: ReadonlySet<string> = new Set([ToolsServiceService.invokeTool.path])

/** In milliseconds from now. */
export const deadlineOf = (
  { path, responseStream }: { path: string; responseStream: boolean },
  { rpcTimeoutMs, streamTimeoutMs }: RpcTimeouts,
): number => (responseStream || longCalls.has(path) ? streamTimeoutMs : rpcTimeoutMs)
