/** What each built-in tool does, for people who configure agents. */
export const tools = {
  'core.tool.read_file': {
    en: 'Reads text files of the workspace, in parts if they are long',
    vi: 'Đọc tệp văn bản của không gian làm việc, theo từng phần nếu dài',
    zh: '读取工作区的文本文件，较长时分段读取',
  },
  'core.tool.write_file': {
    en: 'Writes or extends files of the workspace and can attach them',
    vi: 'Ghi hoặc nối thêm vào tệp của không gian làm việc và có thể đính kèm tệp',
    zh: '写入或追加工作区的文件，并可作为附件',
  },
  'core.tool.list_files': {
    en: 'Shows what stands in a folder of the workspace',
    vi: 'Cho thấy trong một thư mục của không gian làm việc có gì',
    zh: '显示工作区文件夹中的内容',
  },
  'core.tool.edit': {
    en: 'Replaces a piece of text in a file, leaving the rest alone',
    vi: 'Thay một đoạn văn bản trong tệp, phần còn lại giữ nguyên',
    zh: '替换文件中的一段文本，其余不变',
  },
  'core.tool.exec': {
    en: 'Runs a shell command in the workspace, within the rules for commands',
    vi: 'Chạy một lệnh shell trong không gian làm việc, theo các quy tắc cho lệnh',
    zh: '按命令规则在工作区运行 shell 命令',
  },
  'core.tool.web_search': {
    en: 'Asks a search engine and returns titles, addresses and summaries',
    vi: 'Hỏi một máy tìm kiếm và trả về tiêu đề, địa chỉ và tóm tắt',
    zh: '查询搜索引擎，返回标题、地址和摘要',
  },
  'core.tool.web_fetch': {
    en: 'Loads a public page and returns its content as Markdown or text',
    vi: 'Tải một trang công khai và trả về nội dung dạng Markdown hoặc văn bản',
    zh: '加载公开网页，以 Markdown 或文本返回其内容',
  },
  'core.tool.memory_search': {
    en: 'Finds passages in the long-term memory of an agent',
    vi: 'Tìm các đoạn trong bộ nhớ dài hạn của tác tử',
    zh: '在智能体的长期记忆中查找段落',
  },
  'core.tool.memory_get': {
    en: 'Reads a document of the long-term memory, whole or in part',
    vi: 'Đọc một tài liệu của bộ nhớ dài hạn, toàn bộ hoặc một phần',
    zh: '读取长期记忆中的文档，全部或部分',
  },
  'core.tool.knowledge_graph_search': {
    en: 'Finds people, projects and other things an agent knows of, and how they hang together',
    vi: 'Tìm người, dự án và những thứ khác mà tác tử biết, và mối liên hệ giữa chúng',
    zh: '查找智能体所知的人物、项目和其他事物及其关联',
  },
  'core.tool.read_image': {
    en: 'Answers questions about a picture',
    vi: 'Trả lời câu hỏi về một bức ảnh',
    zh: '回答关于图片的问题',
  },
  'core.tool.read_document': {
    en: 'Answers questions about a PDF or office document',
    vi: 'Trả lời câu hỏi về một tệp PDF hoặc tài liệu văn phòng',
    zh: '回答关于 PDF 或办公文档的问题',
  },
  'core.tool.create_image': {
    en: 'Makes a picture from a description',
    vi: 'Tạo một bức ảnh từ mô tả',
    zh: '根据描述生成图片',
  },
  'core.tool.read_audio': {
    en: 'Answers questions about a recording',
    vi: 'Trả lời câu hỏi về một bản ghi âm',
    zh: '回答关于录音的问题',
  },
  'core.tool.read_video': {
    en: 'Answers questions about a video',
    vi: 'Trả lời câu hỏi về một video',
    zh: '回答关于视频的问题',
  },
  'core.tool.create_video': {
    en: 'Makes a short video from a description',
    vi: 'Tạo một video ngắn từ mô tả',
    zh: '根据描述生成短视频',
  },
  'core.tool.create_audio': {
    en: 'Makes music or a sound effect from a description',
    vi: 'Tạo nhạc hoặc hiệu ứng âm thanh từ mô tả',
    zh: '根据描述生成音乐或音效',
  },
  'core.tool.tts': { en: 'Turns text into speech', vi: 'Chuyển văn bản thành giọng nói', zh: '将文本转换为语音' },
  'core.tool.browser': {
    en: 'Drives a web browser: opens pages, reads them, clicks and types',
    vi: 'Điều khiển trình duyệt web: mở trang, đọc, nhấp và gõ',
    zh: '操作网页浏览器：打开页面、阅读、点击和输入',
  },
  'core.tool.sessions_list': {
    en: 'Shows the conversations of the agent',
    vi: 'Cho thấy các cuộc trò chuyện của tác tử',
    zh: '显示智能体的会话',
  },
  'core.tool.session_status': {
    en: 'Shows model, size and state of a conversation',
    vi: 'Cho thấy mô hình, kích thước và trạng thái của một cuộc trò chuyện',
    zh: '显示会话的模型、大小和状态',
  },
  'core.tool.sessions_history': {
    en: 'Reads the messages of a conversation',
    vi: 'Đọc các tin nhắn của một cuộc trò chuyện',
    zh: '读取会话的消息',
  },
  'core.tool.sessions_send': {
    en: 'Puts a message into another conversation of the agent',
    vi: 'Đưa một tin nhắn vào cuộc trò chuyện khác của tác tử',
    zh: '向智能体的另一个会话发送消息',
  },
  'core.tool.message': {
    en: 'Sends a message or a file to a chat on a channel',
    vi: 'Gửi tin nhắn hoặc tệp đến một cuộc trò chuyện trên kênh',
    zh: '向渠道上的聊天发送消息或文件',
  },
  'core.tool.cron': {
    en: 'Keeps jobs that run at a time or again and again',
    vi: 'Giữ các công việc chạy vào một lúc hoặc lặp lại',
    zh: '保存定时或重复运行的任务',
  },
  'core.tool.spawn': {
    en: 'Has a helper work on a task, in the background or until it is done',
    vi: 'Giao một việc cho trợ thủ, chạy nền hoặc cho đến khi xong',
    zh: '让助手处理任务，在后台或直到完成',
  },
  'core.tool.skill_search': {
    en: 'Finds skills that fit a task',
    vi: 'Tìm kỹ năng phù hợp với công việc',
    zh: '查找适合任务的技能',
  },
  'core.tool.use_skill': {
    en: 'Marks in the trace that a skill is being used',
    vi: 'Đánh dấu trong vết chạy rằng một kỹ năng đang được dùng',
    zh: '在追踪中标记正在使用某项技能',
  },
  'core.tool.publish_skill': {
    en: 'Stores a skill folder of the workspace for later use',
    vi: 'Lưu một thư mục kỹ năng của không gian làm việc để dùng sau',
    zh: '保存工作区的技能文件夹以供日后使用',
  },
  'core.tool.skill_manage': {
    en: 'Makes, changes and removes skills of the agent',
    vi: 'Tạo, thay đổi và xóa kỹ năng của tác tử',
    zh: '创建、更改和删除智能体的技能',
  },
  'core.tool.team_tasks': {
    en: 'Works on the shared task board of a team of agents',
    vi: 'Làm việc trên bảng công việc chung của một nhóm tác tử',
    zh: '处理智能体团队共享的任务板',
  },
} as const
