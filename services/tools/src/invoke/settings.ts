import { integer, type Setting } from '@clawmesh/chassis'

export const invokeSettings = {
  toolTimeoutMs: {
    env: ['CLAWMESH_TOOL_TIMEOUT_MS'],
    schema: integer(120_000, 1),
    about: 'How long one tool call may take',
  },
} as const satisfies Record<string, Setting>
