import { z } from 'zod'
import { idParams, statusIs, timestamp, uuid } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { variables } from './variables.ts'

/** The name of a program, without a path. */
export const programNamePattern = /^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}$/

const programName = z.string().max(100).regex(programNamePattern)
const pattern = z.string().min(1).max(500)
const patterns = z.array(pattern).max(200).describe('Regular expressions (RE2) over the joined arguments')
const text = z.string().max(4_096)
const path = z.string().max(1_024).nullish().describe('Where the program has to be found')
const seconds = z.number().int().max(86_400).describe('Seconds; zero or less is the default')
const secret = variables.describe('Variables of the program. They are stored sealed; `***` keeps the stored value')

const cliCredential = z
  .object({
    id: uuid,
    binary_name: z.string(),
    binary_path: z.string().optional(),
    description: z.string(),
    deny_args: z.array(z.string()),
    deny_verbose: z.array(z.string()),
    timeout_seconds: z.number().int(),
    tips: z.string(),
    agent_id: uuid.optional().describe('Absent where it is for all agents'),
    enabled: z.boolean(),
    created_by: z.string(),
    env_keys: z.array(z.string()).describe('Names of the variables that are stored'),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'CliCredential', description: 'A program of the command line and the variables that agents run it with' })

const cliPreset = z
  .object({
    binary_name: z.string(),
    description: z.string(),
    env_vars: z.array(
      z.object({
        name: z.string(),
        desc: z.string(),
        is_file: z.literal(true).optional().describe('The value is the path of a file'),
        optional: z.literal(true).optional(),
      }),
    ),
    deny_args: z.array(z.string()),
    deny_verbose: z.array(z.string()),
    timeout: z.number().int(),
    tips: z.string(),
  })
  .meta({ id: 'CliPreset', description: 'What a well-known program needs' })

const userParams = idParams.extend({
  userId: z.string().min(1).max(255).describe('The user whose variables these are'),
})

export const cliCredentials = defineHttpTable('tools', {
  listCliCredentials: {
    method: 'GET',
    path: '/v1/cli-credentials',
    role: 'admin',
    summary: 'Programs that agents run with credentials',
    rules: {
      ordersByProgram: 'They come by the name of the program, those of one agent before the one of all agents',
      isTheTenantsOwn: 'Only the own tenant’s are listed, and no answer holds a value of a variable',
    },
    response: { 200: z.object({ items: z.array(cliCredential) }) },
    errors: [],
  },
  createCliCredential: {
    method: 'POST',
    path: '/v1/cli-credentials',
    role: 'admin',
    summary: 'Give a program credentials that agents run it with',
    rules: {
      fillsFromThePreset: 'What the request leaves empty comes from the `preset`; an unknown preset is refused',
      requiresProgramAndEnv: 'The name of a program and at least one variable are required',
      hasDefaults: 'It is enabled and has 30 seconds unless said otherwise',
      sealsEnv: 'Variables are sealed at rest and not echoed',
      keepsProgramsUnique: 'A program has one configuration for all agents and one an agent in a tenant, else 409',
      refusesBadPatterns: 'A pattern that does not compile is refused',
      refusesBadNames:
        'A variable has a plain name and is none that changes which program runs, how it is loaded, or ours',
      wantsAnAgentOfTheTenant: 'An agent that the tenant does not have is answered 404',
      isAudited: 'It is an entry of the audit log, secure_cli.created',
      remembersTheCreator: '`created_by` is the calling user',
      runsWithoutAShell:
        'A command that begins with the program runs without a shell and without approval, with the variables; those of its agent go before those of all agents',
      takesOneProgram:
        'A command that begins with the program is refused where it holds ; | & < > a line break, a backtick, $( or ${ anywhere, or what only a shell would expand',
      deniesPatterns: 'It is refused where its arguments, joined by spaces, match a pattern of either list',
      findsTheProgram: 'The program is looked for in PATH, and has to be the one of `binary_path` where that is set',
      staysInTheSandbox: 'Where commands run in a sandbox it does too, and fails where there is none',
      givesNobodyElse:
        'Nothing else gets the variables: no other program, no command that names the program by its path or behind another, no other agent, no other tenant',
      scrubsAnswers: 'Values of six characters and more are taken out of whatever tools answer in the tenant',
      tellsAgents: 'Agents are told of these programs, of what is blocked and of the tips',
      goesWithTheAgent: 'What is for one agent goes with it',
    },
    body: z.object({
      preset: z.string().max(50).optional(),
      binary_name: z.union([z.literal(''), programName]).optional(),
      binary_path: path,
      description: text.default(''),
      env: secret,
      deny_args: patterns.optional(),
      deny_verbose: patterns.optional(),
      timeout_seconds: seconds.optional(),
      tips: text.default(''),
      agent_id: uuid.nullish(),
      enabled: z.boolean().default(true),
    }),
    response: { 201: cliCredential },
    errors: [400, 404, 409],
  },
  listCliCredentialPresets: {
    method: 'GET',
    path: '/v1/cli-credentials/presets',
    role: 'admin',
    summary: 'What well-known programs need',
    rules: { isKeyedByName: 'Presets are an object by name: gh, gcloud, aws, kubectl and terraform; no list is null' },
    response: { 200: z.object({ presets: z.record(z.string(), cliPreset) }) },
    errors: [],
  },
  getCliCredential: {
    method: 'GET',
    path: '/v1/cli-credentials/{id}',
    role: 'admin',
    summary: 'One program with credentials, without their values',
    rules: { answersItAlone: 'The answer has no envelope; of the variables it has the names' },
    params: idParams,
    response: { 200: cliCredential },
    errors: [400, 404],
  },
  updateCliCredential: {
    method: 'PUT',
    path: '/v1/cli-credentials/{id}',
    role: 'admin',
    summary: 'Change some fields of a program with credentials',
    rules: {
      writesWhatIsGiven: 'Only fields that are given are written, others are ignored',
      replacesEnv: 'Variables are replaced as a whole where they are given, and kept where not',
      keepsMaskedValues: 'A variable of `***` keeps its stored value',
      dropsSecretsWithTheProgram:
        'Where the program changes, variables that the request does not bring are dropped, those of users too: no other program gets them',
      isCheckedAsNew: 'What results is checked as at the creation',
      refusesUnknownOnes: 'An unknown one is answered 404',
      isAudited: 'It is an entry of the audit log, secure_cli.updated',
    },
    params: idParams,
    body: z.object({
      binary_name: programName.optional(),
      binary_path: path,
      description: text.optional(),
      env: secret.optional(),
      deny_args: patterns.optional(),
      deny_verbose: patterns.optional(),
      timeout_seconds: seconds.optional(),
      tips: text.optional(),
      agent_id: uuid.nullish(),
      enabled: z.boolean().optional(),
    }),
    response: { 200: statusIs('updated') },
    errors: [400, 404, 409],
  },
  deleteCliCredential: {
    method: 'DELETE',
    path: '/v1/cli-credentials/{id}',
    role: 'admin',
    summary: 'Delete the credentials of a program',
    rules: {
      isIdempotent: 'An unknown one is answered 200 as well, and nothing is recorded',
      takesUsersWithIt: 'The variables of its users go with it',
      isAudited: 'It is an entry of the audit log, secure_cli.deleted',
    },
    params: idParams,
    response: { 200: statusIs('deleted') },
    errors: [400],
  },
  testCliCredential: {
    method: 'POST',
    path: '/v1/cli-credentials/{id}/test',
    role: 'admin',
    summary: 'See which commands the deny patterns would refuse; nothing is run',
    rules: {
      runsNothing: 'Nothing is run',
      judgesTheRest:
        'What follows the name of the program is matched against `deny_args`, then `deny_verbose`; the first that matches is told, in the order of the commands',
      needsNoBody: 'Without a body the results are empty',
    },
    params: idParams,
    body: z.object({ test_commands: z.array(z.string().max(32_768)).max(100).default([]) }).prefault({}),
    response: {
      200: z.object({
        results: z.array(z.object({ command: z.string(), allowed: z.boolean(), matched_deny: z.string().nullable() })),
      }),
    },
    errors: [400, 404],
  },
  listCliUserCredentials: {
    method: 'GET',
    path: '/v1/cli-credentials/{id}/user-credentials',
    role: 'admin',
    summary: 'Users with variables of their own for a program',
    rules: {
      listsNoValues: 'They come by the time of their creation, and tell whether there are variables, not which values',
    },
    params: idParams,
    response: {
      200: z.object({
        user_credentials: z.array(
          z.object({
            id: uuid,
            binary_id: uuid,
            user_id: z.string(),
            has_env: z.boolean(),
            created_at: timestamp,
            updated_at: timestamp,
          }),
        ),
      }),
    },
    errors: [400, 404],
  },
  getCliUserCredential: {
    method: 'GET',
    path: '/v1/cli-credentials/{id}/user-credentials/{userId}',
    role: 'admin',
    summary: 'Which variables a user has for a program, their values masked',
    rules: {
      masksValues: 'Each variable reads `***`; null where nothing is stored in the row',
      isNotKept: 'The answer may not be stored on the way',
      isAudited: 'It is an entry of the audit log, secure_cli.user_credentials.read',
      refusesUnknownUsers: 'A user without variables is answered 404',
    },
    params: userParams,
    response: { 200: z.object({ user_id: z.string(), env: z.record(z.string(), z.literal('***')).nullable() }) },
    errors: [400, 404],
  },
  setCliUserCredential: {
    method: 'PUT',
    path: '/v1/cli-credentials/{id}/user-credentials/{userId}',
    role: 'admin',
    summary: "Store a user's own variables for a program",
    rules: {
      replacesAll: 'All variables are replaced; one of `***` keeps its stored value',
      wantsTexts: 'Variables are required, all of them texts, under the same rules as those of the program',
      liesOverTheBase: 'When the user’s command runs, these lie over those of the program',
      refusesUnknownOnes: 'A program that the tenant does not have is answered 404',
      isAudited: 'It is an entry of the audit log, secure_cli.user_credentials.set',
    },
    params: userParams,
    body: z.object({ env: secret }),
    response: { 200: statusIs('ok') },
    errors: [400, 404],
  },
  deleteCliUserCredential: {
    method: 'DELETE',
    path: '/v1/cli-credentials/{id}/user-credentials/{userId}',
    role: 'admin',
    summary: "Remove a user's own variables for a program",
    rules: {
      isIdempotent: 'Without any it is answered the same, and nothing is recorded',
      isAudited: 'It is an entry of the audit log, secure_cli.user_credentials.deleted',
    },
    params: userParams,
    response: { 200: statusIs('ok') },
    errors: [400, 404],
  },
})
