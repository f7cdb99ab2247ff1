import type { Wire } from '../wire.ts'
import { createAnthropicDecoder } from './decoder.ts'
import { anthropicRequest } from './request.ts'

/** Anthropic's Messages API. */
export const anthropicWire: Wire = { request: anthropicRequest, decoder: createAnthropicDecoder }
