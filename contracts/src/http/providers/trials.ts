import { z } from 'zod'
import { modelFacts } from '../../models/facts.ts'
import { idParams } from '../common.ts'
import { defineHttpTable } from '../operation.ts'
import { reasoningLevel, shownReasoningDefaults } from './providers.ts'

const verifyBodyLimitBytes = 65_536

export const providerTrials = defineHttpTable('providers', {
  listProviderModels: {
    method: 'GET',
    path: '/v1/providers/{id}/models',
    role: 'admin',
    summary: 'Models of a provider with known reasoning abilities',
    rules: {
      listsFixedModels: 'Types with a fixed list answer it without a call; where the type needs no key none is needed',
      asksTheVendor: 'Other types are asked for their list with the stored key, and answer in its order',
      isEmptyWhenUpstreamFails: 'When the provider fails the list is empty',
      needsAKey: 'Without a stored key a type that needs one is answered 400',
      describesReasoning:
        '`reasoning` stands at models of the registry only, matched after the last slash and in any case',
      showsReasoningDefaults:
        '`reasoning_defaults` is there where a model has reasoning and the settings differ from what happens anyway',
      showsWhatIsKnown:
        'Window, limit of answers and abilities stand at models of the catalogue, by their names without the day of a release; what is not known is left out',
      asksOllamaWithoutAKey: 'Ollama is asked without a stored key',
    },
    params: idParams,
    response: {
      200: z.object({
        models: z.array(
          z.object({
            id: z.string(),
            name: z.string().optional(),
            ...modelFacts,
            reasoning: z
              .object({ levels: z.array(reasoningLevel).optional(), default_effort: reasoningLevel.optional() })
              .optional(),
          }),
        ),
        reasoning_defaults: shownReasoningDefaults.optional(),
      }),
    },
    errors: [400, 404],
  },
  verifyProvider: {
    method: 'POST',
    path: '/v1/providers/{id}/verify',
    role: 'admin',
    summary: 'Try a provider and model with one tiny completion',
    rules: {
      answersEveryOutcome:
        'Whatever the try ends with is answered 200; an unknown provider, a bad id and a bad body are not',
      sendsOneSmallMessage: 'One message `hi` without tools and with at most 50 tokens is sent, once',
      triesTheDefaultModel:
        'Without a model, or without a body, the default of the type is tried; a type without one is answered 400',
      checksClaudeCliByName: 'For claude_cli the model has to be sonnet, opus or haiku; nothing is called',
      looksForAcpPrograms:
        'For acp nothing is called: the program has to be known by name or an absolute path, and to be on this machine',
      refusesTypesThatCannotChat: 'A type that cannot chat is not valid, and the error says so',
      saysWhatIsNotRegistered:
        'A disabled provider, and one without the key it needs, is `provider not registered` with its name',
      acceptsGenerativeModels: 'Models that make pictures or films are accepted without a call and carry a note',
      usesTheNamedProvider: 'The provider of the id is tried, not one of the same type',
      givesAReadableReason: 'The error is a sentence with what the provider said, without its JSON and without the key',
    },
    params: idParams,
    body: z.object({ model: z.string().max(200).optional() }).optional(),
    bodyLimitBytes: verifyBodyLimitBytes,
    response: {
      200: z.object({ valid: z.boolean(), error: z.string().optional(), note: z.string().optional() }),
    },
    errors: [400, 404],
  },
  verifyProviderEmbedding: {
    method: 'POST',
    path: '/v1/providers/{id}/verify-embedding',
    role: 'admin',
    summary: 'Try the embedding endpoint of a provider with the text "test"',
    rules: {
      embedsOneWord: 'The text `test` is embedded; an empty body is fine, and every outcome is answered 200',
      prefersTheBodysModel:
        'The model is the one of the body, else of the settings, else text-embedding-3-small; so is the address',
      sendsSensibleDimensions: 'Dimensions of the body, else of the settings, are sent where they are from 1 to 8192',
      refusesTypesThatCannotEmbed: 'A type that cannot embed is not valid, and nothing is called',
      flagsOtherWidths: '`dimension_mismatch` is there where a vector comes back and has not 1536 numbers',
    },
    params: idParams,
    body: z
      .object({ model: z.string().max(200).optional(), dimensions: z.number().int().min(0).optional() })
      .optional(),
    bodyLimitBytes: verifyBodyLimitBytes,
    response: {
      200: z.object({
        valid: z.boolean(),
        dimensions: z.number().int().optional(),
        dimension_mismatch: z.literal(true).optional(),
        error: z.string().optional(),
      }),
    },
    errors: [400, 404],
  },
  getClaudeCliAuthStatus: {
    method: 'GET',
    path: '/v1/providers/claude-cli/auth-status',
    role: 'admin',
    summary: 'Whether the claude program of this machine is signed in',
    rules: {
      asksTheProgram:
        'The program of the first claude_cli provider of the tenant that names one, else `claude`, is asked; email and subscription are empty texts where it does not tell them',
      waitsTenSeconds: 'A program that has not answered after ten seconds is ended, with all that it started',
      answersEveryFailure:
        'A program that is missing, fails, or answers anything else is answered 200 with `logged_in` false and an `error`',
      isNoProvider: 'Its path is not that of a provider, whatever providers there are',
      runsNothingUnasked:
        'Where the operator lets no providers be on this machine no program is started, and the error says so',
    },
    response: {
      200: z
        .object({
          logged_in: z.boolean(),
          email: z.string().optional(),
          subscription_type: z.string().optional(),
          in_docker: z.boolean().describe('Whether the process that answers runs in a container'),
          error: z.string().optional(),
        })
        .meta({ id: 'ClaudeCliAuthStatus', description: 'What the claude program says of its account' }),
    },
    errors: [],
  },
  getEmbeddingStatus: {
    method: 'GET',
    path: '/v1/embedding/status',
    role: 'admin',
    summary: 'Whether memory search has an embedding provider',
    rules: {
      prefersTheConfiguration:
        'The provider and model that the configuration of the tenant names come first, and show under that name',
      takesTheFirstThatEmbeds:
        'Else the first enabled provider by name whose settings switch embeddings on, with its display name',
      callsNobody: 'Without a model of its own text-embedding-3-small is shown, and no provider is called',
    },
    response: {
      200: z.object({
        configured: z.boolean(),
        provider: z.string().optional(),
        provider_name: z.string().optional(),
        model: z.string().optional(),
      }),
    },
    errors: [],
  },
})
