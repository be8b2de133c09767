// The dimension letters of this engine. Comments on tensors speak in them: // q [T, H, D] f32
//
//   B  sequences in the batch         H  query heads            E  experts
//   T  new tokens                     K  key/value heads        R  adapter rank
//   S  cached positions               D  head size              N  pages
//   V  vocabulary                     C  hidden size            P  tokens per page
//   L  layers                         F  feed-forward size
//
// The last letter is the one whose neighbours are adjacent in memory. A weight [out, in] is stored as rows of `in`
// elements, which GGUF writes the other way round: ne[0] = in, ne[1] = out. Where a kernel speaks of a matrix product
// it writes M x N x K with K the dimension summed over; there, and only there, K means that.
#pragma once
