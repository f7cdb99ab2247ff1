/** What tools keeps sealed. */
import type { SecretColumn } from '@clawmesh/chassis'
import { binaryEnv, userEnv } from './cli-credentials/env.ts'
import { customToolEnv } from './custom-tools/rows.ts'
import { elicitationAnswers, elicitationQuestions } from './mcp/elicitation/rows.ts'
import { oauthAccountSecrets, oauthClientSecrets, oauthFlowSecrets } from './mcp/oauth/rows.ts'
import { serverSecrets, userSecrets } from './mcp/secrets.ts'

export const secretColumns: readonly SecretColumn[] = [
  serverSecrets,
  userSecrets,
  oauthClientSecrets,
  oauthFlowSecrets,
  oauthAccountSecrets,
  elicitationQuestions,
  elicitationAnswers,
  binaryEnv,
  userEnv,
  customToolEnv,
]
