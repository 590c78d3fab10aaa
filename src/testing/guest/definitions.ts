// The structures of a guest's kernel: those members that anybody reads, among others so that nothing stands where it would
// stand without them.
import type { EraForm } from "./eras.ts"
import { anonymous, array, char, i32, type Members, pointer, record, u16, u32, u64, u8 } from "./types.ts"

const list: Members = [
  ["next", pointer("list_head")],
  ["prev", pointer("list_head")]
]

const log = (): Readonly<Record<string, Members>> => ({
  printk_log: [
    ["ts_nsec", u64],
    ["len", u16],
    ["text_len", u16],
    ["dict_len", u16],
    ["facility", u8],
    ["flags", u8],
    ["caller_id", u32]
  ],
  prb_data_blk_lpos: [
    ["begin", u64],
    ["next", u64]
  ],
  prb_desc: [
    ["state_var", record("atomic_long_t")],
    ["text_blk_lpos", record("prb_data_blk_lpos")]
  ],
  prb_desc_ring: [
    ["count_bits", u32],
    ["descs", pointer("prb_desc")],
    ["infos", pointer("printk_info")],
    ["head_id", record("atomic_long_t")],
    ["tail_id", record("atomic_long_t")],
    ["last_finalized_id", record("atomic_long_t")]
  ],
  prb_data_ring: [
    ["size_bits", u32],
    ["data", pointer()],
    ["head_lpos", record("atomic_long_t")],
    ["tail_lpos", record("atomic_long_t")]
  ],
  printk_ringbuffer: [
    ["desc_ring", record("prb_desc_ring")],
    ["text_data_ring", record("prb_data_ring")],
    ["fail", record("atomic_long_t")]
  ],
  printk_info: [
    ["seq", u64],
    ["ts_nsec", u64],
    ["text_len", u16],
    ["facility", u8],
    ["flags", u8],
    ["caller_id", u32],
    ["dev_info", array(char, 64)]
  ],
  atomic_long_t: [["counter", u64]]
})

const tasks = (era: EraForm): Readonly<Record<string, Members>> => ({
  task_struct: [
    ["thread_info", array(u64, 3)],
    [era.state, era.state === "state" ? u64 : u32],
    ["stack", pointer()],
    ["flags", u32],
    ["before", array(u8, 700)],
    ["tasks", record("list_head")],
    ["mm", pointer("mm_struct")],
    ["active_mm", pointer("mm_struct")],
    ["exit_state", i32],
    ["exit_code", i32],
    ["pid", i32],
    ["tgid", i32],
    ["real_parent", pointer("task_struct")],
    ["parent", pointer("task_struct")],
    ["group_leader", pointer("task_struct")],
    ...(era.numbers === "none" ? [] : ([["pid_links", array(record("hlist_node"), 4)]] as const)),
    ...(era.threads === "group" ? ([["thread_group", record("list_head")]] as const) : []),
    ...(era.threads === "node" ? ([["thread_node", record("list_head")]] as const) : []),
    [era.numbers === "none" ? "real_start_time" : "start_boottime", u64],
    ["real_cred", pointer("cred")],
    ["cred", pointer("cred")],
    ["comm", array(char, 16)],
    ["nsproxy", pointer("nsproxy")],
    ["signal", pointer("signal_struct")]
  ],
  hlist_node: [
    ["next", pointer("hlist_node")],
    ["pprev", pointer()]
  ],
  cred: [
    ["usage", u64],
    ["uid", record("kuid_t")]
  ],
  kuid_t: [["val", u32]],
  signal_struct: [["live", u64], ...(era.threads === "node" ? ([["thread_head", record("list_head")]] as const) : [])],
  pid: [
    ["count", u32],
    ["level", u32],
    ["tasks", array(pointer("hlist_node"), 4)]
  ],
  ...(era.numbers === "none"
    ? {}
    : {
        pid_namespace: [["idr", record("idr")]],
        idr: [
          ["idr_rt", record(era.numbers === "radix" ? "radix_tree_root" : "xarray")],
          ["idr_base", u32]
        ],
        ...(era.numbers === "radix"
          ? {
              radix_tree_root: [
                ["gfp_mask", u32],
                ["rnode", pointer("radix_tree_node")]
              ],
              radix_tree_node: nodeOfNumbers
            }
          : {
              xarray: [
                ["xa_lock", u32],
                ["xa_flags", u32],
                ["xa_head", pointer()]
              ],
              xa_node: nodeOfNumbers
            })
      })
})

const nodeOfNumbers: Members = [
  ["shift", u8],
  ["offset", u8],
  ["count", u8],
  ["nr_values", u8],
  ["parent", pointer()],
  ["array", pointer()],
  ["private_list", record("list_head")],
  ["slots", array(pointer(), 64)]
]

const memory = (era: EraForm): Readonly<Record<string, Members>> => ({
  mm_struct: [
    [
      "0",
      anonymous([
        ["mm_count", u64],
        ...(era.areas === "list" ? ([["mmap", pointer("vm_area_struct")]] as const) : []),
        ...(era.areas === "tree" ? ([["mm_mt", record("maple_tree")]] as const) : []),
        ["pgd", pointer()],
        ["start_brk", u64],
        ["brk", u64],
        ["start_stack", u64],
        ["arg_start", u64],
        ["arg_end", u64],
        ["env_start", u64],
        ["env_end", u64],
        ["exe_file", pointer("file")]
      ])
    ]
  ],
  vm_area_struct: [
    ["vm_start", u64],
    ["vm_end", u64],
    ...(era.areas === "list" ? ([["vm_next", pointer("vm_area_struct")]] as const) : []),
    ["vm_mm", pointer("mm_struct")],
    ["1", anonymous([["vm_flags", u64]], true)],
    ["vm_ops", pointer()],
    ["vm_pgoff", u64],
    ["vm_file", pointer("file")],
    ["vm_private_data", pointer()]
  ],
  ...(era.areas === "tree"
    ? {
        maple_tree: [
          ["ma_lock", u64],
          ["ma_root", pointer()]
        ],
        maple_range_64: [
          ["parent", pointer()],
          ["pivot", array(u64, 15)],
          ["slot", array(pointer(), 16)]
        ],
        maple_arange_64: [
          ["parent", pointer()],
          ["pivot", array(u64, 9)],
          ["slot", array(pointer(), 10)],
          ["gap", array(u64, 10)]
        ]
      }
    : {})
})

const files = (era: EraForm): Readonly<Record<string, Members>> => ({
  file: [
    ["f_mode", u64],
    ["f_path", record("path")]
  ],
  path: [
    ["mnt", pointer("vfsmount")],
    ["dentry", pointer("dentry")]
  ],
  dentry: [
    ["d_flags", u32],
    ["d_hash", record("hlist_bl_node")],
    ["d_parent", pointer("dentry")],
    ["d_name", record("qstr")]
  ],
  hlist_bl_node: [
    ["next", pointer()],
    ["pprev", pointer()]
  ],
  qstr: [
    [
      "0",
      anonymous([
        ["hash", u32],
        ["len", u32]
      ])
    ],
    ["name", pointer()]
  ],
  vfsmount: [
    ["mnt_root", pointer("dentry")],
    ["mnt_sb", pointer("super_block")],
    ["mnt_flags", i32]
  ],
  mount: [
    ["mnt_hash", array(u64, 2)],
    ["mnt_parent", pointer("mount")],
    ["mnt_mountpoint", pointer("dentry")],
    ["mnt", record("vfsmount")],
    ["mnt_devname", pointer()],
    ...(era.mounts === "list" ? ([["mnt_list", record("list_head")]] as const) : []),
    ...(era.mounts === "tree" ? ([["mnt_node", record("rb_node")]] as const) : [])
  ],
  mnt_namespace: [
    ["ns", u64],
    ...(era.mounts === "list" ? ([["list", record("list_head")]] as const) : []),
    ...(era.mounts === "tree" ? ([["mounts", record("rb_root")]] as const) : [])
  ],
  rb_root: [["rb_node", pointer("rb_node")]],
  rb_node: [
    ["__rb_parent_color", u64],
    ["rb_right", pointer("rb_node")],
    ["rb_left", pointer("rb_node")]
  ],
  nsproxy: [
    ["count", u64],
    ["mnt_ns", pointer("mnt_namespace")],
    ["pid_ns_for_children", pointer("pid_namespace")]
  ],
  super_block: [
    ["s_flags", u64],
    ["s_type", pointer("file_system_type")],
    ["s_subtype", pointer()]
  ],
  file_system_type: [["name", pointer()]]
})

const modules = (era: EraForm): Readonly<Record<string, Members>> => {
  const places = {
    core: [
      ["module_core", pointer()],
      ["core_size", u32]
    ],
    layout: [["core_layout", record("module_layout")]],
    memory: [["mem", array(record("module_memory"), 7)]]
  } as const
  const of: Members = [
    ["base", pointer()],
    ["size", u32]
  ]
  return {
    module: [
      ["state", u32],
      ["list", record("list_head")],
      ["name", array(char, 56)],
      ...places[era.modules],
      ["kallsyms", pointer("mod_kallsyms")]
    ],
    ...(era.modules === "layout" ? { module_layout: of } : {}),
    ...(era.modules === "memory" ? { module_memory: of } : {}),
    mod_kallsyms: [
      ["symtab", pointer()],
      ["num_symtab", u32],
      ["strtab", pointer()],
      ["typetab", pointer()]
    ]
  }
}

export const definitions = (era: EraForm): Readonly<Record<string, Members>> => ({
  list_head: list,
  uts_namespace: [["name", array(char, 6 * 65)]],
  ...log(),
  ...tasks(era),
  ...memory(era),
  ...files(era),
  ...modules(era)
})
