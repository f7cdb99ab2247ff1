/** Which type of provider makes what, and how. */
import type { providerTypeTable } from '../../providers/provider-types.ts'
import type { MadeKind, Maker } from '../types.ts'
import { dashscopeImage } from './dashscope.ts'
import { geminiImage, geminiVideo } from './gemini.ts'
import { minimaxImage, minimaxMusic, minimaxVideo } from './minimax.ts'
import { openAiImage } from './openai.ts'
import { openRouterImage, openRouterVideo } from './openrouter.ts'
import { sunoMusic } from './suno.ts'

type Makers = Partial<Record<keyof typeof providerTypeTable, Maker>>

const makers: Record<MadeKind, Makers> = {
  image: {
    openrouter: openRouterImage,
    gemini_native: geminiImage,
    openai_compat: openAiImage,
    minimax_native: minimaxImage,
    dashscope: dashscopeImage,
  },
  video: { gemini_native: geminiVideo, minimax_native: minimaxVideo, openrouter: openRouterVideo },
  music: { minimax_native: minimaxMusic, suno: sunoMusic },
}

const isKind = (kind: string): kind is MadeKind => Object.hasOwn(makers, kind)

/** How a type makes something; undefined where it cannot. */
export const makerOf = (kind: string, type: string): Maker | undefined =>
  isKind(kind) && Object.hasOwn(makers[kind], type) ? (makers[kind] as Record<string, Maker>)[type] : undefined
