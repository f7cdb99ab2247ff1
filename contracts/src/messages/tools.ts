/** What each built-in tool does, for people who configure agents. */
export const tools = {
  'core.tool.read_file': {
    en: 'Reads text files in the workspace, in parts when they are long',
    vi: 'Đọc tệp văn bản của không gian làm việc, theo từng phần nếu dài',
    zh: '读取工作区的文本文件，较长时分段读取',
  },
  'core.tool.write_file': {
    en: 'Writes files in the workspace, or adds to them, and can attach them to the reply',
    vi: 'Ghi tệp trong không gian làm việc hoặc nối thêm vào tệp, và có thể đính kèm tệp vào câu trả lời',
    zh: '写入或追加工作区中的文件，并可附加到回复',
  },
  'core.tool.list_files': {
    en: 'Lists files in a folder',
    vi: 'Liệt kê các tệp trong một thư mục',
    zh: '列出文件夹中的文件',
  },
  'core.tool.edit': {
    en: 'Replaces text in a file',
    vi: 'Thay văn bản trong tệp',
    zh: '替换文件中的文本',
  },
  'core.tool.exec': {
    en: 'Runs a shell command in the workspace, within the command rules',
    vi: 'Chạy một lệnh shell trong không gian làm việc, theo các quy tắc cho lệnh',
    zh: '按命令规则在工作区运行 shell 命令',
  },
  'core.tool.web_search': {
    en: 'Searches the web and returns titles, addresses and summaries',
    vi: 'Tìm kiếm trên web và trả về tiêu đề, địa chỉ và tóm tắt',
    zh: '搜索网络并返回标题、地址和摘要',
  },
  'core.tool.web_fetch': {
    en: 'Fetches a public web page as Markdown or text',
    vi: 'Tải một trang web công khai dưới dạng Markdown hoặc văn bản',
    zh: '以 Markdown 或文本形式获取公开网页',
  },
  'core.tool.datetime': {
    en: 'Tells the date and the time, in UTC and in a time zone',
    vi: 'Cho biết ngày giờ theo UTC và theo một múi giờ',
    zh: '给出 UTC 及指定时区的日期和时间',
  },
  'core.tool.memory_search': {
    en: 'Searches the long-term memory of an agent',
    vi: 'Tìm kiếm trong bộ nhớ dài hạn của tác tử',
    zh: '搜索智能体的长期记忆',
  },
  'core.tool.memory_get': {
    en: 'Reads a memory document, whole or in part',
    vi: 'Đọc một tài liệu bộ nhớ, toàn bộ hoặc một phần',
    zh: '读取记忆文档的全部或部分',
  },
  'core.tool.knowledge_graph_search': {
    en: 'Searches the knowledge graph for people, projects and other entities, and their relations',
    vi: 'Tìm trong đồ thị tri thức người, dự án và các thực thể khác cùng quan hệ của chúng',
    zh: '在知识图谱中搜索人物、项目等实体及其关系',
  },
  'core.tool.read_image': {
    en: 'Answers questions about an image',
    vi: 'Trả lời câu hỏi về một hình ảnh',
    zh: '回答关于图像的问题',
  },
  'core.tool.read_document': {
    en: 'Answers questions about a PDF or office document',
    vi: 'Trả lời câu hỏi về một tệp PDF hoặc tài liệu văn phòng',
    zh: '回答关于 PDF 或办公文档的问题',
  },
  'core.tool.create_image': {
    en: 'Creates an image from a description',
    vi: 'Tạo hình ảnh từ mô tả',
    zh: '根据描述生成图像',
  },
  'core.tool.read_audio': {
    en: 'Answers questions about an audio recording',
    vi: 'Trả lời câu hỏi về một bản ghi âm',
    zh: '回答关于录音的问题',
  },
  'core.tool.read_video': {
    en: 'Answers questions about a video',
    vi: 'Trả lời câu hỏi về một video',
    zh: '回答关于视频的问题',
  },
  'core.tool.create_video': {
    en: 'Creates a short video from a description',
    vi: 'Tạo một video ngắn từ mô tả',
    zh: '根据描述生成短视频',
  },
  'core.tool.create_audio': {
    en: 'Creates music or a sound effect from a description',
    vi: 'Tạo nhạc hoặc hiệu ứng âm thanh từ mô tả',
    zh: '根据描述生成音乐或音效',
  },
  'core.tool.tts': { en: 'Converts text to speech', vi: 'Chuyển văn bản thành giọng nói', zh: '将文本转换为语音' },
  'core.tool.browser': {
    en: 'Controls a web browser: opens and reads pages, clicks and types',
    vi: 'Điều khiển trình duyệt web: mở trang, đọc, nhấp và gõ',
    zh: '操作网页浏览器：打开页面、阅读、点击和输入',
  },
  'core.tool.sessions_list': {
    en: 'Lists the sessions of the agent',
    vi: 'Liệt kê các phiên của tác tử',
    zh: '列出智能体的会话',
  },
  'core.tool.session_status': {
    en: 'Shows model, size and state of a session',
    vi: 'Hiển thị mô hình, kích thước và trạng thái của một phiên',
    zh: '显示会话的模型、大小和状态',
  },
  'core.tool.sessions_history': {
    en: 'Reads the messages of a session',
    vi: 'Đọc các tin nhắn của một phiên',
    zh: '读取会话的消息',
  },
  'core.tool.sessions_send': {
    en: 'Sends a message to another session of the agent',
    vi: 'Gửi tin nhắn đến một phiên khác của tác tử',
    zh: '向智能体的另一个会话发送消息',
  },
  'core.tool.message': {
    en: 'Sends a message or a file to a chat on a channel',
    vi: 'Gửi tin nhắn hoặc tệp đến một cuộc trò chuyện trên kênh',
    zh: '向渠道上的聊天发送消息或文件',
  },
  'core.tool.heartbeat': {
    en: 'Sets how often the agent looks after its checklist by itself',
    vi: 'Đặt mức độ thường xuyên tác tử tự xem danh sách kiểm tra của mình',
    zh: '设置智能体自行查看检查清单的频率',
  },
  'core.tool.cron': {
    en: 'Schedules jobs that run once or repeatedly',
    vi: 'Lên lịch các công việc chạy một lần hoặc lặp lại',
    zh: '安排运行一次或重复运行的任务',
  },
  'core.tool.spawn': {
    en: 'Delegates a task to a subagent',
    vi: 'Giao một nhiệm vụ cho tác tử con',
    zh: '将任务委派给子智能体',
  },
  'core.tool.skill_search': {
    en: 'Searches for skills that fit a task',
    vi: 'Tìm kỹ năng phù hợp với nhiệm vụ',
    zh: '搜索适合任务的技能',
  },
  'core.tool.use_skill': {
    en: 'Marks in the trace that a skill is used',
    vi: 'Đánh dấu trong vết chạy rằng một kỹ năng được dùng',
    zh: '在追踪中标记使用了某项技能',
  },
  'core.tool.publish_skill': {
    en: 'Publishes a skill folder of the workspace',
    vi: 'Xuất bản một thư mục kỹ năng của không gian làm việc',
    zh: '发布工作区中的技能文件夹',
  },
  'core.tool.skill_manage': {
    en: 'Creates, changes and deletes skills of the agent',
    vi: 'Tạo, thay đổi và xóa kỹ năng của tác tử',
    zh: '创建、更改和删除智能体的技能',
  },
  'core.tool.team_tasks': {
    en: 'Manages the shared task board of a team of agents',
    vi: 'Quản lý bảng công việc chung của một nhóm tác tử',
    zh: '管理智能体团队共享的任务板',
  },
} as const
