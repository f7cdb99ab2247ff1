import { implementHttp, streamed } from '@clawmesh/chassis'
import { eventsAsyncApiDocument, http, MeshError, openApiDocument } from '@clawmesh/contracts'
import { createDocsFiles } from './docs-page.ts'
import { createDocumentAnswer, replyFixed } from './fixed-answer.ts'
import { prefers } from './prefers.ts'

/** The documentation of the API: for programs, and as a page. */
export const createDocumentationHttp = (version: string) => {
  const openApi = createDocumentAnswer(() => openApiDocument(version))
  const asyncApi = createDocumentAnswer(() => eventsAsyncApiDocument(version))
  const fileAt = createDocsFiles()
  return implementHttp(http.documentation)({
    getIndex: async ({ headers }) => {
      if (!prefers('text/html', headers.accept))
        throw new MeshError('NOT_FOUND', 'error.route_not_found', { path: '/' })
      return streamed(async (response) => {
        response.writeHead(302, { location: '/docs', 'cache-control': 'no-store', 'content-length': 0 }).end()
      })
    },
    getOpenApiSpec: async ({ headers }) => replyFixed(openApi(), headers),
    getAsyncApiSpec: async ({ headers }) => replyFixed(asyncApi(), headers),
    getDocsPage: async ({ params, headers }) => replyFixed(await fileAt(params.path ?? ''), headers),
  })
}
