/** What clawgo's consoles ask over plain HTTP. */
import { implementHttp, type LogWatch, type Mesh } from '@clawmesh/chassis'
import { http, MeshError } from '@clawmesh/contracts'
import { ChannelsServiceService } from '@clawmesh/contracts/gen/clawmesh/channels/v1/channels.ts'
import { logRecordOf, maySeeRecord } from '../live/log-records.ts'

const channelsLimitMs = 1_000
/** Of which those of the caller's tenant are picked. */
const askedRecords = 10_000

/** A plain request where there is only a WebSocket. */
export const websocketOnly = async (): Promise<never> => {
  throw new MeshError('INVALID_REQUEST', 'error.websocket_only')
}

export const createOperatorConsoleHttp = (mesh: Pick<Mesh, 'client'>, logs: LogWatch, version: string) => {
  const channels = mesh.client(ChannelsServiceService)
  return implementHttp(http.operatorConsole)({
    getVersion: async ({ call }) => {
      const signal = AbortSignal.any([call.signal, AbortSignal.timeout(channelsLimitMs)])
      const compiledChannels = await channels.listPlatforms({ ...call, signal }, {}).then(
        ({ channelTypes }) => channelTypes,
        () => [],
      )
      return { ok: true, gatewayVersion: version, compiledChannels }
    },
    getRecentLogs: async ({ caller, query }) => {
      const records = await logs.recent('debug', askedRecords)
      const seen = records.filter((record) => maySeeRecord(caller, record)).slice(-query.limit)
      return { ok: true, logs: seen.map(logRecordOf) }
    },
    openLogsLive: websocketOnly,
    openEventsLive: websocketOnly,
  })
}
