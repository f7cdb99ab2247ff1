/** The interactive documentation: Swagger UI from this process, so that it works without any other network. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Handlers } from '@clawmesh/chassis'
import type { http } from '@clawmesh/contracts'
import { createFixedAnswer, replyFixed, type FixedAnswer } from './fixed-answer.ts'

/** Nothing but this origin; the style sheet carries its icons as data. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Clawmesh API</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`

const startScript = `SwaggerUIBundle({
  url: '/v1/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  tryItOutEnabled: true,
  persistAuthorization: false,
  validatorUrl: null,
})
`

/** The files of Swagger UI that the page uses, and nothing else of the package. */
const assetTypes: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
}

const assetFolder = (): string => dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))

/** The page at /docs and every path below it but those of its files. */
export const createDocsHandlers = (): Handlers<typeof http.gateway, 'getDocsPage'> => {
  const secured = (body: Buffer | string, contentType: string) =>
    createFixedAnswer(body, contentType, { 'content-security-policy': contentSecurityPolicy })
  const index = secured(page, 'text/html; charset=utf-8')
  const files = new Map<string, FixedAnswer>([['start.js', secured(startScript, 'text/javascript; charset=utf-8')]])

  const fileAt = async (path: string): Promise<FixedAnswer> => {
    const known = files.get(path)
    if (known !== undefined) return known
    const type = Object.hasOwn(assetTypes, path) ? assetTypes[path] : undefined
    if (type === undefined) return index
    const file = secured(await readFile(join(assetFolder(), path)), type)
    files.set(path, file)
    return file
  }

  return {
    getDocsPage: async ({ params, headers }) => replyFixed(await fileAt(params.path ?? ''), headers),
  }
}
