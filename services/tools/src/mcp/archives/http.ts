import type { ExportsServiceService } from '@clawmesh/contracts/gen/clawmesh/agents/v1/exports.ts'
import { http } from '@clawmesh/contracts'
import { implementHttp, reply, toContract, type Call, type RpcFunctions } from '@clawmesh/chassis'
import { attachment, silent, withProgress, type Report } from '@clawmesh/chassis/archives'
import { archiveNameOf, type McpArchives } from './use-cases.ts'

const pieceBytes = 49_152

/** Bytes in pieces of `pieceBytes`, the last one shorter, and which is the last. */
const piecesOf = async function* (bytes: AsyncIterable<Buffer>): AsyncGenerator<{ content: Buffer; isLast: boolean }> {
  let held = Buffer.alloc(0)
  for await (const piece of bytes) {
    held = Buffer.concat([held, piece])
    for (; held.length > pieceBytes; held = held.subarray(pieceBytes))
      yield { content: held.subarray(0, pieceBytes), isLast: false }
  }
  yield { content: held, isLast: true }
}

/** Has an archive kept until its user fetches it. @throws what making it throws */
const createKeep =
  (exports: Pick<RpcFunctions<typeof ExportsServiceService>, 'keepPiece'>) =>
  async (call: Call, fileName: string, bytes: AsyncIterable<Buffer>) => {
    let [exportId, token, seq, size] = ['', '', 0, 0]
    for await (const { content, isLast } of piecesOf(bytes)) {
      const kept = await exports.keepPiece(call, { exportId, fileName, seq: seq++, piece: content, isLast })
      exportId = kept.exportId
      token ||= kept.token
      size += content.length
    }
    return { download_url: `/v1/export/download/${token}`, file_name: fileName, file_size: size }
  }

const summaryOf = (summary: object): object =>
  toContract(http.mcpArchives.operations.importMcp.response[201], summary) as object

export const createMcpArchiveHttp = (
  archives: McpArchives,
  exports: Pick<RpcFunctions<typeof ExportsServiceService>, 'keepPiece'>,
) => {
  const keep = createKeep(exports)
  return implementHttp(http.mcpArchives)({
    previewMcpExport: ({ call }) => archives.preview(call),

    exportMcp: async ({ call, query: { stream } }) => {
      const fileName = archiveNameOf(new Date())
      return stream === 'true'
        ? withProgress(call, 'export', {}, (report) => keep(call, fileName, archives.pack(call, report)))
        : attachment({ fileName, bytes: archives.pack(call, silent) })
    },

    importMcp: async ({ call, query: { stream }, upload }) => {
      const received = await archives.receive(call, upload)
      const work = (report: Report) => archives.import(call, received, report).finally(received.remove)
      return stream === 'true'
        ? withProgress(call, 'import', {}, async (report) => summaryOf(await work(report)))
        : reply(201, await work(silent))
    },
  })
}
