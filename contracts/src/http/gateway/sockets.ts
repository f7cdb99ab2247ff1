import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'

export const sockets = defineHttpTable('gateway', {
  openWebSocket: {
    method: 'GET',
    path: '/ws',
    role: 'public',
    upgrade: 'websocket',
    summary: 'The WebSocket over which methods are called and events come, protocol 3',
    description:
      'Frames are JSON texts. The first request is `connect`, which says who the connection speaks for. Methods and events are in the OpenRPC document that `clawmesh websocket openrpc` prints.',
    rules: {
      isOpenToAnybody: 'Needs no credential; the first frame brings it',
      checksTheOrigin:
        'Where origins are listed, a page of another one is answered 403; who sends no Origin always passes',
      limitsFrames: 'A message above 512 KiB ends the connection with 1009',
      limitsAnAddress:
        'An address that has as many connections as it may is answered 429; behind a trusted proxy it is the one that the proxy names',
      refusesPlainRequests: 'A request that asks for no WebSocket is answered 400',
    },
    response: { 101: z.undefined() },
    errors: [400, 403, 429, 503],
  },
})
