import { http } from '@clawmesh/contracts'
import { implementHttp, streamed, verbatim } from '@clawmesh/chassis'
import { clientMetadata } from './authorization.ts'
import type { Outcome } from './use-cases.ts'
import type { SignInUseCases } from './sign-ins.ts'

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

const page = (outcome: Outcome): string => {
  const said = outcome.isSignedIn
    ? ['Signed in', 'You can close this page and go on in your conversation.']
    : ['Not signed in', outcome.reason]
  const [title, text] = said.map((each) => escaped(each))
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><p>${text}</p></html>`
}

/** What came in the address stays here: nobody is told of it as the page one comes from, and nobody keeps it. */
const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
}

export const createSignInHttp = (
  signIns: SignInUseCases,
  { redirectUri, metadataUrl }: { redirectUri: string; metadataUrl: string },
) =>
  implementHttp(http.mcpSignIns)({
    getMcpSignIn: ({ caller, params, query }) => signIns.status(caller, params.id, query.userId),
    beginMcpSignIn: ({ caller, params }) => signIns.begin(caller, params.id),
    endMcpSignIn: async ({ caller, params, query }) => {
      await signIns.end(caller, params.id, query.userId)
      return { status: 'signed_out' }
    },
    finishMcpSignIn: async ({ query: { errorDescription, ...brought } }) => {
      const error = brought.error && errorDescription ? `${brought.error}: ${errorDescription}` : brought.error
      const outcome = await signIns.complete({ ...brought, error })
      return streamed(async (response) => {
        response.writeHead(200, pageHeaders)
        response.end(page(outcome))
      })
    },
    getMcpClientMetadata: async () =>
      verbatim(200, {
        client_id: metadataUrl,
        ...clientMetadata(redirectUri),
        token_endpoint_auth_method: 'none',
      }),
  })
