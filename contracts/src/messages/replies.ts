/** What agents' channels and prompts say by themselves: replies while a turn runs, and hints to learn a skill from it. */
export const replies = {
  'status.working': { en: 'Working on it…', vi: 'Đang xử lý…', zh: '正在处理…' },
  'status.detailed': {
    en: '{phase} (step {iteration}, {elapsed})',
    vi: '{phase} (bước {iteration}, {elapsed})',
    zh: '{phase}（第 {iteration} 步，{elapsed}）',
  },
  'status.phase_thinking': { en: 'Thinking', vi: 'Đang suy nghĩ', zh: '正在思考' },
  'status.phase_tool_exec': { en: 'Running {tool}', vi: 'Đang chạy {tool}', zh: '正在运行 {tool}' },
  'status.phase_tools': { en: 'Running tools', vi: 'Đang chạy các công cụ', zh: '正在运行工具' },
  'status.phase_compact': {
    en: 'Summing up the conversation',
    vi: 'Đang tóm tắt cuộc trò chuyện',
    zh: '正在总结对话',
  },
  'status.phase_default': { en: 'Busy', vi: 'Đang bận', zh: '忙碌中' },
  'status.cancelled': { en: 'Stopped.', vi: 'Đã dừng.', zh: '已停止。' },
  'status.injected_ack': {
    en: 'Noted, this goes into the turn that is running.',
    vi: 'Đã ghi nhận, nội dung này được đưa vào lượt đang chạy.',
    zh: '已收到，将并入正在进行的这一轮。',
  },
  'skill.nudge_postscript': {
    en: 'If these steps will be needed again, offer to keep them as a skill.',
    vi: 'Nếu các bước này sẽ còn cần đến, hãy đề nghị lưu chúng thành kỹ năng.',
    zh: '如果以后还会用到这些步骤，请提议将其保存为技能。',
  },
  'skill.nudge_70_pct': {
    en: 'Seventy percent of the steps are used. Consider whether what you do is worth a skill.',
    vi: 'Đã dùng bảy mươi phần trăm số bước. Hãy cân nhắc việc đang làm có đáng thành kỹ năng không.',
    zh: '已使用百分之七十的步骤。请考虑当前工作是否值得成为技能。',
  },
  'skill.nudge_90_pct': {
    en: 'Ninety percent of the steps are used. Finish now; a skill can still be kept afterwards.',
    vi: 'Đã dùng chín mươi phần trăm số bước. Hãy kết thúc; kỹ năng vẫn có thể lưu sau.',
    zh: '已使用百分之九十的步骤。请立即收尾；之后仍可保存技能。',
  },
} as const
