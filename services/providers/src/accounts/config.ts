import { z } from 'zod'

const address = (fallback: string) => z.url({ protocol: /^https?$/ }).default(fallback)

export const accountSettings = {
  chatgptAuthorizeUrl: {
    env: ['CLAWMESH_CHATGPT_AUTHORIZE_URL'],
    schema: address('https://auth.openai.com/oauth/authorize'),
    about: 'ChatGPT accounts: where a browser signs in',
  },
  chatgptTokenUrl: {
    env: ['CLAWMESH_CHATGPT_TOKEN_URL'],
    schema: address('https://auth.openai.com/oauth/token'),
    about: 'ChatGPT accounts: where codes and refresh tokens are exchanged',
  },
  chatgptClientId: {
    env: ['CLAWMESH_CHATGPT_CLIENT_ID'],
    schema: z.string().min(1).default('app_EMoamEEZ73f0CkXaXp7hrann'),
    about: 'ChatGPT accounts: the OAuth client that signs in; it is public and has no secret',
  },
  chatgptRedirectUri: {
    env: ['CLAWMESH_CHATGPT_REDIRECT_URI'],
    schema: address('http://localhost:1455/auth/callback'),
    about: 'ChatGPT accounts: where the browser is sent back to; the authorization server knows it by heart',
  },
  chatgptScopes: {
    env: ['CLAWMESH_CHATGPT_SCOPES'],
    schema: z.string().default('openid profile email offline_access api.connectors.read api.connectors.invoke'),
    about: 'ChatGPT accounts: the scopes that are asked for, separated by blanks',
  },
  chatgptOriginator: {
    env: ['CLAWMESH_CHATGPT_ORIGINATOR'],
    schema: z.string().default('pi'),
    about: 'ChatGPT accounts: as which program the sign-in is begun',
  },
  chatgptListener: {
    env: ['CLAWMESH_CHATGPT_LISTENER'],
    schema: z.enum(['auto', 'on', 'off']).default('auto'),
    about:
      'ChatGPT accounts: whether the process listens at the redirect address on this machine while a sign-in is open: auto ' +
      'is on where one process serves one person (npm start); else the address is pasted',
  },
} as const
