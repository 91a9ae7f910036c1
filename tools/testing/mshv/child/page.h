/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The page in which the parent has registers of a VP, and vectors that it posts.
 */
#ifndef _HVEMU_CHILD_PAGE_H
#define _HVEMU_CHILD_PAGE_H

struct child_vp;

/* Take over what the parent has changed in the register page. VP out of KVM. */
void child_page_absorb(struct child_vp *vp);

/* Write the registers into the register page, valid and not dirty. Likewise. */
void child_page_refresh(struct child_vp *vp);

/*
 * The VP runs, and has other registers than the page shows: not valid. A parent whose
 * VP has stopped for no intercept, and was not suspended, asks for them by hypercall.
 */
void child_page_hide(struct child_vp *vp);

/**
 * child_page_scan() - take the vectors that the parent has posted
 * @vp: whose register page
 *
 * Empties it at once, and requests each vector at the local APIC.
 */
void child_page_scan(struct child_vp *vp);

#endif /* _HVEMU_CHILD_PAGE_H */
