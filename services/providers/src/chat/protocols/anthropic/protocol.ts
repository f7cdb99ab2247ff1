import type { Protocol } from '../protocol.ts'
import { createAnthropicDecoder } from './decoder.ts'
import { anthropicRequest } from './request.ts'

/** Anthropic's Messages API. */
export const anthropicProtocol: Protocol = { request: anthropicRequest, decoder: createAnthropicDecoder }
