// ln(x) in double from additions and multiplications alone, so that every machine gets the same bits.
#pragma once

namespace studio::engine {

// x > 0, finite and normal. Error under 2 units in the last place of a double for the sums it is used on.
double natural_log(double x);

}  // namespace studio::engine
