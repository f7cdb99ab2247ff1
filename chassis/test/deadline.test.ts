import { ProvidersServiceService } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { ToolsServiceService } from '@clawmesh/contracts/gen/clawmesh/tools/v1/tools.ts'
import { deadlineOf } from '../src/grpc/deadline.ts'

const timeouts = { rpcTimeoutMs: 10, streamTimeoutMs: 1_000 }

test.each([
  ['a unary call', ToolsServiceService.listTools, 10],
  ['a stream', ProvidersServiceService.chat, 1_000],
  ['the call of a tool, which may wait for people', ToolsServiceService.invokeTool, 1_000],
])('%s has its time', (_what, method, ms) => {
  expect(deadlineOf(method, timeouts)).toBe(ms)
})
