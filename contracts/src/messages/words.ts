/**
 * Words that stand inside other texts. A part called `kind`, `what`, `action` or `reason` is looked up here, as
 * `<part>.<value>` in lower case with `_` for all else; what is not here, such as a name, stands as it is. Words may have
 * parts of their own, filled from the same values.
 */
export const words = {
  'kind.agent': { en: 'agent', vi: 'tác tử', zh: '智能体' },
  'kind.api_key': { en: 'api key', vi: 'khóa API', zh: 'API 密钥' },
  'kind.channel_instance': { en: 'channel instance', vi: 'kênh', zh: '渠道实例' },
  'kind.client': { en: 'client', vi: 'máy khách', zh: '客户端' },
  'kind.contact': { en: 'contact', vi: 'liên hệ', zh: '联系人' },
  'kind.cron_job': { en: 'cron job', vi: 'lịch chạy', zh: '定时任务' },
  'kind.document': { en: 'document', vi: 'tài liệu', zh: '文档' },
  'kind.file': { en: 'file', vi: 'tệp', zh: '文件' },
  'kind.mcp_server': { en: 'MCP server', vi: 'máy chủ MCP', zh: 'MCP 服务器' },
  'kind.oidc_issuer': { en: 'OIDC issuer', vi: 'bên phát hành OIDC', zh: 'OIDC 签发方' },
  'kind.package': { en: 'package', vi: 'gói', zh: '软件包' },
  'kind.paired_device': { en: 'paired device', vi: 'thiết bị đã ghép nối', zh: '已配对设备' },
  'kind.pairing_code': { en: 'pairing code', vi: 'mã ghép nối', zh: '配对码' },
  'kind.provider': { en: 'provider', vi: 'nhà cung cấp', zh: '提供方' },
  'kind.session': { en: 'session', vi: 'phiên', zh: '会话' },
  'kind.skill': { en: 'skill', vi: 'kỹ năng', zh: '技能' },
  'kind.system_config': { en: 'system config', vi: 'cấu hình hệ thống', zh: '系统配置' },
  'kind.team': { en: 'team', vi: 'nhóm', zh: '团队' },
  'kind.tenant': { en: 'tenant', vi: 'bên thuê', zh: '租户' },
  'kind.tool': { en: 'tool', vi: 'công cụ', zh: '工具' },
  'kind.trace': { en: 'trace', vi: 'vết chạy', zh: '追踪' },
  'kind.user': { en: 'user', vi: 'người dùng', zh: '用户' },

  'what.database': { en: 'database', vi: 'cơ sở dữ liệu', zh: '数据库' },
  'what.embedding_model': { en: 'embedding model', vi: 'mô hình nhúng', zh: '嵌入模型' },
  'what.keys_of_the_oidc_issuer': {
    en: 'keys of the OIDC issuer',
    vi: 'khóa của bên phát hành OIDC',
    zh: 'OIDC 签发方的密钥',
  },

  'action.change_built_in_tools': { en: 'change built-in tools', vi: 'thay đổi công cụ có sẵn', zh: '更改内置工具' },
  'action.share_an_oidc_issuer': {
    en: 'share an OIDC issuer',
    vi: 'dùng chung một bên phát hành OIDC',
    zh: '共享 OIDC 签发方',
  },

  'reason.belongs_to_another_agent': {
    en: 'belongs to another agent',
    vi: 'thuộc về tác tử khác',
    zh: '属于另一个智能体',
  },
  'reason.cannot_be_changed': { en: 'cannot be changed', vi: 'không thể thay đổi', zh: '不能更改' },
  'reason.cannot_be_parsed': { en: 'cannot be parsed', vi: 'không phân tích được', zh: '无法解析' },
  'reason.contains_a_nul_character': { en: 'contains a NUL character', vi: 'chứa ký tự NUL', zh: '包含 NUL 字符' },
  'reason.contains_half_a_character': { en: 'contains half a character', vi: 'chứa nửa ký tự', zh: '包含半个字符' },
  'reason.control_characters': { en: 'control characters', vi: 'ký tự điều khiển', zh: '含控制字符' },
  'reason.key_proto_': { en: 'key __proto__', vi: 'khóa __proto__', zh: '键 __proto__' },
  'reason.must_be_an_http_or_https_url': {
    en: 'must be an http or https URL',
    vi: 'phải là URL http hoặc https',
    zh: '必须是 http 或 https URL',
  },
  'reason.must_be_known_or_path': {
    en: 'must be {known} or an absolute path',
    vi: 'phải là {known} hoặc một đường dẫn tuyệt đối',
    zh: '必须是 {known} 或绝对路径',
  },
  'reason.negative': { en: 'negative', vi: 'là số âm', zh: '为负数' },
  'reason.nested_too_deep': {
    en: 'nested deeper than {limit}',
    vi: 'lồng sâu hơn {limit} lớp',
    zh: '嵌套超过 {limit} 层',
  },
  'reason.no_image_of_an_allowed_size_there': {
    en: 'no image of an allowed size there',
    vi: 'ở đó không có ảnh với kích thước cho phép',
    zh: '那里没有允许大小的图片',
  },
  'reason.not_a_base64_image': { en: 'not a base64 image', vi: 'không phải ảnh base64', zh: '不是 base64 图片' },
  'reason.not_an_object': { en: 'not an object', vi: 'không phải là đối tượng', zh: '不是对象' },
  'reason.not_the_json_text_of_an_object': {
    en: 'not the JSON text of an object',
    vi: 'không phải văn bản JSON của một đối tượng',
    zh: '不是对象的 JSON 文本',
  },
  'reason.not_valid_utf_8': { en: 'not valid UTF-8', vi: 'UTF-8 không hợp lệ', zh: 'UTF-8 无效' },
  'reason.nul_character': { en: 'NUL character', vi: 'ký tự NUL', zh: '含 NUL 字符' },
  'reason.only_https_is_allowed': { en: 'only https is allowed', vi: 'chỉ cho phép https', zh: '仅允许 https' },
  'reason.parameters_are_not_a_json_object': {
    en: 'parameters are not a JSON object',
    vi: 'tham số không phải là đối tượng JSON',
    zh: '参数不是 JSON 对象',
  },
  'reason.pool_member_of_itself': {
    en: '{name} cannot be a member of its own pool',
    vi: '{name} không thể là thành viên trong nhóm của chính nó',
    zh: '{name} 不能是自己池的成员',
  },
  'reason.pool_member_owns_a_pool': {
    en: '{name} owns a pool itself',
    vi: '{name} tự sở hữu một nhóm',
    zh: '{name} 自己拥有一个池',
  },
  'reason.pool_member_taken': {
    en: '{name} is in the pool of {owner} already',
    vi: '{name} đã ở trong nhóm của {owner}',
    zh: '{name} 已在 {owner} 的池中',
  },
  'reason.pool_member_unknown': {
    en: '{name} is no enabled provider of type {type}',
    vi: '{name} không phải là nhà cung cấp loại {type} đang bật',
    zh: '{name} 不是已启用的 {type} 类型提供方',
  },
  'reason.pool_of_another_type': {
    en: 'only for providers of type {type}',
    vi: 'chỉ dành cho nhà cung cấp loại {type}',
    zh: '仅适用于 {type} 类型的提供方',
  },
  'reason.tool_is_required': { en: 'tool is required', vi: 'cần có tool', zh: '缺少 tool' },
  'reason.at_most_100_values': { en: 'at most 100 values', vi: 'nhiều nhất 100 giá trị', zh: '最多 100 个值' },
  'reason.unknown_role': { en: 'unknown role {role}', vi: 'vai trò lạ {role}', zh: '未知角色 {role}' },
  'reason.unreadable_tool_calls': {
    en: 'unreadable tool calls',
    vi: 'lời gọi công cụ không đọc được',
    zh: '工具调用无法读取',
  },
  'reason.not_a_url': { en: 'not a URL', vi: 'không phải là URL', zh: '不是 URL' },
  'reason.only_http_and_https_are_allowed': {
    en: 'only http and https are allowed',
    vi: 'chỉ cho phép http và https',
    zh: '仅允许 http 和 https',
  },
  'reason.credentials_in_the_url': {
    en: 'credentials in the URL',
    vi: 'URL chứa thông tin xác thực',
    zh: 'URL 中含有凭据',
  },
  'reason.the_host_name_leads_to_a_private_address': {
    en: 'the host name leads to a private address',
    vi: 'tên máy dẫn đến địa chỉ riêng',
    zh: '主机名指向私有地址',
  },
  'reason.domain_is_blocked': { en: 'domain is blocked', vi: 'tên miền bị chặn', zh: '域名已被屏蔽' },
  'reason.domain_is_not_on_the_allow_list': {
    en: 'domain is not on the allow list',
    vi: 'tên miền không có trong danh sách cho phép',
    zh: '域名不在允许列表中',
  },
  'reason.host_missing': { en: 'host missing', vi: 'thiếu tên máy', zh: '缺少主机' },
  'reason.malformed_address': { en: 'malformed address', vi: 'địa chỉ sai dạng', zh: '地址格式错误' },
} as const
