import { integer } from '@clawmesh/chassis'

export const upstreamSettings = {
  connectTimeoutMs: {
    env: ['CLAWMESH_PROVIDER_CONNECT_TIMEOUT_MS'],
    schema: integer(10_000, 1),
    about: 'Upstream: until a connection stands',
  },
  firstTokenTimeoutMs: {
    env: ['CLAWMESH_PROVIDER_FIRST_TOKEN_TIMEOUT_MS'],
    schema: integer(120_000, 1),
    about: 'Upstream: from the connection until the first event of a stream',
  },
  idleTimeoutMs: {
    env: ['CLAWMESH_PROVIDER_IDLE_TIMEOUT_MS'],
    schema: integer(120_000, 1),
    about: 'Upstream: between two pieces of a stream',
  },
  answerTimeoutMs: {
    env: ['CLAWMESH_PROVIDER_ANSWER_TIMEOUT_MS'],
    schema: integer(300_000, 1),
    about: 'Upstream: a whole answer that is not streamed',
  },
} as const
