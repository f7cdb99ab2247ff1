/** Which type of provider makes what for a tool, and how. */
import type { MakingTool } from '@clawmesh/contracts'
import type { providerTypeTable } from '../../providers/provider-types.ts'
import type { Maker } from '../types.ts'
import { dashscopeImage } from './dashscope.ts'
import { geminiImage, geminiVideo } from './gemini.ts'
import { minimaxImage, minimaxMusic, minimaxVideo } from './minimax.ts'
import { openAiImage } from './openai.ts'
import { openRouterImage, openRouterVideo } from './openrouter.ts'
import { sunoMusic } from './suno.ts'

type Makers = Partial<Record<keyof typeof providerTypeTable, Maker>>

const makers: Record<MakingTool, Makers> = {
  create_image: {
    openrouter: openRouterImage,
    gemini_native: geminiImage,
    openai_compat: openAiImage,
    minimax_native: minimaxImage,
    dashscope: dashscopeImage,
  },
  create_video: { gemini_native: geminiVideo, minimax_native: minimaxVideo, openrouter: openRouterVideo },
  create_audio: { minimax_native: minimaxMusic, suno: sunoMusic },
}

/** Whether a tool has something made. */
export const isMakingTool = (tool: string): tool is MakingTool => Object.hasOwn(makers, tool)

/** How a type makes what a tool wants; undefined where it cannot. */
export const makerOf = (tool: string, type: string): Maker | undefined =>
  isMakingTool(tool) && Object.hasOwn(makers[tool], type) ? (makers[tool] as Record<string, Maker>)[type] : undefined
