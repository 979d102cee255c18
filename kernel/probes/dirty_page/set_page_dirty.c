// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>

vm_fault_t probe(struct vm_fault *vmf, const struct vm_operations_struct *ops)
{
	vm_fault_t ret = ops->fault(vmf);

	if ((ret & VM_FAULT_LOCKED) && PageCompound(vmf->page))
		set_page_dirty(vmf->page);
	return ret;
}
