import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'

const runtime = z.object({
  name: z.enum(['python3', 'pip3', 'node', 'npm', 'pkg-helper']),
  available: z.boolean(),
  version: z.string().optional(),
})

export const runtimes = defineHttpTable('packages', {
  getPackageRuntimes: {
    method: 'GET',
    path: '/v1/packages/runtimes',
    role: 'viewer',
    summary: 'Availability of Python, Node and the package helper',
    rules: {
      namesPythonAndNode: '`python` and `node` say whether python3 and node are there',
      listsFiveInOrder: 'The runtimes are python3, pip3, node, npm and pkg-helper, in this order, there or not',
      saysTheVersion:
        'A version is the first line that the program prints for `--version`, up to “ from ”; it is left out when the program fails, prints something odd, or takes longer than 3 seconds',
      seesTheHelper: 'The package helper is available, with version `socket`, while its socket is one',
      isReadyWithPython: '`ready` asks for python3 and pip3 alone',
      looksAtItsOwnMachine: 'Only the PATH of the server itself is searched',
    },
    response: {
      200: z.object({ runtimes: z.array(runtime), ready: z.boolean(), python: z.boolean(), node: z.boolean() }),
    },
    errors: [],
  },
})
