import { http } from '@clawmesh/contracts'
import { implementHttp, reply } from '@clawmesh/chassis'
import { cliPresets } from './presets.ts'
import type { CliUseCases } from './use-cases.ts'

export const createCliHttp = (credentials: CliUseCases) =>
  implementHttp(http.cliCredentials)({
    listCliCredentials: async ({ caller }) => ({ items: await credentials.list(caller) }),
    createCliCredential: ({ call, body }) => credentials.create(call, body),
    listCliCredentialPresets: async () => ({
      presets: Object.fromEntries(
        Object.entries(cliPresets).map(([name, { binaryName, envVars, denyArgs, denyVerbose, ...preset }]) => [
          name,
          {
            ...preset,
            binary_name: binaryName,
            env_vars: envVars.map(({ isFile, ...variable }) => ({ ...variable, ...(isFile && { is_file: isFile }) })),
            deny_args: [...denyArgs],
            deny_verbose: [...denyVerbose],
          },
        ]),
      ),
    }),
    getCliCredential: ({ caller, params }) => credentials.get(caller, params.id),
    updateCliCredential: async ({ call, params, body }) => {
      await credentials.update(call, params.id, body)
      return { status: 'updated' }
    },
    deleteCliCredential: async ({ call, params }) => {
      await credentials.remove(call, params.id)
      return { status: 'deleted' }
    },
    testCliCredential: async ({ caller, params, body }) => ({
      results: await credentials.test(caller, params.id, body.testCommands),
    }),
    listCliUserCredentials: async ({ caller, params }) => ({
      userCredentials: (await credentials.listUsers(caller, params.id)).map((user) => ({
        ...user,
        hasEnv: user.envKeys.length > 0,
      })),
    }),
    getCliUserCredential: async ({ call, params }) =>
      reply(200, await credentials.getUser(call, params.id, params.userId), { 'cache-control': 'no-store' }),
    setCliUserCredential: async ({ call, params, body }) => {
      await credentials.setUser(call, params.id, params.userId, body.env)
      return { status: 'ok' }
    },
    deleteCliUserCredential: async ({ call, params }) => {
      await credentials.removeUser(call, params.id, params.userId)
      return { status: 'ok' }
    },
  })
