/** Tools that have a model look at a file. */
export const readingTools = ['read_image', 'read_document', 'read_audio', 'read_video'] as const
export type ReadingTool = (typeof readingTools)[number]

/** Tools that have something made. */
export type MakingTool = 'create_image' | 'create_video' | 'create_audio'
