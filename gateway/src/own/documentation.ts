import { implementHttp } from '@clawmesh/chassis'
import { http } from '@clawmesh/contracts'
import { createDocsFiles } from './docs-page.ts'
import { replyFixed } from './fixed-answer.ts'
import { createOpenApiAnswer } from './openapi.ts'

/** The documentation of the API: for programs, and as a page. */
export const createDocumentationHttp = (version: string) => {
  const openApi = createOpenApiAnswer(version)
  const fileAt = createDocsFiles()
  return implementHttp(http.documentation)({
    getOpenApiSpec: async ({ headers }) => replyFixed(openApi(), headers),
    getDocsPage: async ({ params, headers }) => replyFixed(await fileAt(params.path ?? ''), headers),
  })
}
